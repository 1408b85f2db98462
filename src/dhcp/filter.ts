/** The words of classic BPF that filters of packet sockets use. Source: uapi/linux/bpf_common.h. */
import type { FilterStep } from "../kernel/sys/packet.ts";

export const load = { half: 0x28, byte: 0x30, word: 0x20, halfAtX: 0x48, length: 0x80 } as const;
export const headerLengthToX = 0xb1;
export const toMemory = 0x02;
export const xFromMemory = 0x61;
export const addConstant = 0x04;
export const xToA = 0x87;
export const jump = { equal: 0x15, atLeast: 0x35, anyBit: 0x45, atLeastX: 0x3d } as const;
export const pass = { constant: 0x06, a: 0x16 } as const;

/** Where a jump goes whose frame is of no interest: to the last step. */
export const drop = -1;

/** The steps, with every jump to where frames are dropped filled in. */
export function assembled(steps: readonly FilterStep[]): readonly FilterStep[] {
  const last: FilterStep = [pass.constant, 0, 0, 0];
  const target = (jump: number, at: number) => (jump === drop ? steps.length - at - 1 : jump);
  return [
    ...steps.map(
      ([code, yes, no, operand], at): FilterStep => [
        code,
        target(yes, at),
        target(no, at),
        operand,
      ],
    ),
    last,
  ];
}
