/** Bodies of answers that are made as clients take them. */

export interface BodyOptions {
  /** Breaks the answer off, so that nobody takes what came for the whole. */
  readonly breakOff?: () => void;
  /** No more is wanted: all was given, the client went, or it failed. */
  readonly ended: () => void;
}

/** What is given at once, so that a client's progress shows. */
const portionBytes = 2 ** 18;

/** These texts, of which each is asked for when the client has taken those before. */
export function bodyOf(
  texts: AsyncGenerator<string, void>,
  { breakOff, ended }: BodyOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let rest = new Uint8Array();
  let isOver = false;
  const finish = async () => {
    isOver = true;
    ended();
    await texts.return();
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          while (rest.length === 0) {
            const { value, done } = await texts.next();
            if (isOver) return;
            if (done) {
              await finish();
              return controller.close();
            }
            rest = encoder.encode(value);
          }
        } catch (error) {
          if (isOver) return;
          await finish();
          return breakOff ? breakOff() : controller.error(error);
        }
        controller.enqueue(rest.subarray(0, portionBytes));
        rest = rest.subarray(portionBytes);
      },
      cancel: finish,
    },
    { highWaterMark: 1 },
  );
}
