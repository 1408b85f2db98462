/** Now, as objects of the API have times: RFC 3339 in UTC, in whole seconds. */
export const timestamp = (now = new Date()): string => `${now.toISOString().slice(0, 19)}Z`;
