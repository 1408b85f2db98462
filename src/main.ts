/** Looks at the name and the first word it was called by and loads one room. (Being written.) */
import manifest from "../package.json" with { type: "json" };

console.log(`netloom ${manifest.version}`);
