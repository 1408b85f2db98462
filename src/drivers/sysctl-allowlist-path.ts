/** Where the administrator lists the sysctls that may be set; without the file, all may be. */
export const allowlistPath = "/etc/cni/tuning/allowlist.conf";
