/** What a link must be before packets of other hosts' containers come by it. */
import { readSysctl, writeSysctls } from "../kernel/sysctl/sysctl.ts";

/** For one that is down still; in IPv6 where the kernel has it. Throws SysctlError. */
export function prepareWay(netns: string, name: string): void {
  // While a network's way changes, packets may come by another one than answers go. 2, loose,
  // drops those too on a link that has no IPv4 address (fib_validate_source).
  const values = [{ path: `net/ipv4/conf/${name}/rp_filter`, value: "0" }];
  const ipv6 = `net/ipv6/conf/${name}`;
  if (readSysctl(netns, `${ipv6}/disable_ipv6`) !== undefined) {
    for (const key of ["disable_ipv6", "accept_ra", "accept_dad"]) {
      values.push({ path: `${ipv6}/${key}`, value: "0" });
    }
  }
  writeSysctls(netns, values);
}
