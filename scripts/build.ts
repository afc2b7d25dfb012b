/** `npm run build`: the operator as one file, dist/main.js, that node runs with nothing beside it. */
import { bundle } from "./bundle.ts";

await bundle("dist/main.js");
