/** A process for a test to kill: with a daemon, from the image in the archive that is named, and a container that sleeps; it then prints the daemon's folder. */
import { startDaemon } from "./daemon.ts";

const [archive = ""] = process.argv.slice(2);
const { dir, docker } = await startDaemon();
await docker("import", archive, "sleeper");
await docker("run", "--detach", "--network=host", "sleeper", "sleep", "600");
console.log(dir);
setInterval(() => undefined, 60_000);
