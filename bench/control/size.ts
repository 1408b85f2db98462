/** How large a control plane the bench makes. */

export interface Size {
  readonly tenants: number;
  readonly namespaces: number;
  /** Each has one subnet. */
  readonly networks: number;
  readonly hosts: number;
  readonly ports: number;
  /** Networks that ports of one host are on; it holds a block of each. */
  readonly networksPerHost: number;
}

export const full: Size = {
  tenants: 20,
  namespaces: 100,
  networks: 1000,
  hosts: 5000,
  ports: 100_000,
  networksPerHost: 4,
};

/** A hundredth: what a test can make in a moment. */
export const small: Size = {
  tenants: 2,
  namespaces: 5,
  networks: 10,
  hosts: 50,
  ports: 1000,
  networksPerHost: 2,
};
