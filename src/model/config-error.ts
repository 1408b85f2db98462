/** The error for input that a user wrote: it names the field. */

/** Wrong input. `path` is the field's path in the user's document: `ipam.ranges[0][1].subnet`. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly path: string;

  constructor(path: string, message: string, options?: ErrorOptions) {
    super(path === "" ? message : `${path}: ${message}`, options);
    this.path = path;
  }
}
