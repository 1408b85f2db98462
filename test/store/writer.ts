/** Commits to a store in SQLite until it is killed, and prints each revision when it has it. */
import { writeSync } from "node:fs";
import { openSqlite } from "../../src/control/store/sqlite.ts";

const [path = "", life = ""] = process.argv.slice(2);
const store = openSqlite(path, { keepRevisions: 50 });
for (let i = 0; ; i++) {
  const value = `${life}.${i}.${"x".repeat(i % 3000)}`;
  const keys = ["left", "middle", "right", `own/${i % 40}`];
  const revision = await store.commit(
    [],
    keys.map((key) => ({ key, value })),
  );
  writeSync(1, `${revision} ${life}.${i}\n`);
}
