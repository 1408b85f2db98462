/** What attaching a namespace of this host to a port needs: the command line's part of it. */

interface Meant {
  /** The port's. */
  readonly namespace: string;
  readonly port: string;
  /** A namespace's path, or its name as `ip netns` has it. */
  readonly netns: string;
}

export type PortAttachment =
  | (Meant & {
      readonly verb: "attach";
      /** `name`, or `namespace/name`. */
      readonly network: string;
      readonly ifName: string;
    })
  | (Meant & {
      readonly verb: "detach";
      /** Whichever it is attached as unless set. */
      readonly ifName?: string;
    });
