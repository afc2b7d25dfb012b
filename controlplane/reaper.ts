/**
 * Nothing outlives the process that started a control plane, however that ends: a shell in a session of its own waits at the
 * other end of a pipe, and at the pipe's end, which even SIGKILL brings, kills what pid files name and removes the folder, and
 * with it the cgroups that have the folder's name, if any.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";

const SCRIPT = `
cat >/dev/null
for file in "$1"/*.pid; do
  if [ -e "$file" ]; then kill -KILL "$(cat "$file")" 2>/dev/null; fi
done
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  cgroups=$(find /sys/fs/cgroup -depth -type d -path "*/$(basename "$1")*" 2>/dev/null)
  [ -z "$cgroups" ] || rmdir $cgroups 2>/dev/null
  rm -rf "$1" 2>/dev/null && [ -z "$cgroups" ] && exit 0
  sleep 0.2
done
exit 1
`;

export interface Reaper {
  /** Lets the reaper do its work now; resolves when the folder is gone. */
  release(): Promise<void>;
}

/** Starts the reaper of `dir`: the processes with a file `<name>.pid` in it, and the folder itself. */
export function startReaper(dir: string): Reaper {
  const child = spawn("/bin/sh", ["-c", SCRIPT, "platform-operator-reaper", dir], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const exited = once(child, "exit");
  return {
    async release() {
      child.stdin.end();
      await exited;
      if (child.exitCode !== 0) throw new Error(`cannot remove ${dir}: remove it by hand`);
    },
  };
}
