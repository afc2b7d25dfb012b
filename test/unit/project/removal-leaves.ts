import type { LeafRow } from "./leaf-row.ts";

/** Leaves that change nothing but what deletion does: removal.test.ts holds them against AWS's emulator. */
export interface RemovalRow extends Pick<LeafRow, "leaf" | "change"> {
  /** Whether an image was pushed to the repository. */
  readonly pushed: boolean;
  /** What is left in AWS when both removals have been asked for. */
  readonly left: readonly ("Role" | "Repository")[];
  /** How the removal of the leaf's own object ends. */
  readonly state: "gone" | "retained" | "blocked";
}

/** The title of the row's test. */
export function removalTitle({ change, pushed }: RemovalRow): string {
  return `${JSON.stringify(change)}, ${pushed ? "with" : "without"} an image`;
}

export const REMOVAL_ROWS: readonly RemovalRow[] = [
  { leaf: "aws.deletionPolicy", change: { "aws.deletionPolicy": "Delete" }, pushed: true, left: ["Repository"], state: "gone" },
  { leaf: "aws.deletionPolicy", change: { "aws.deletionPolicy": "Retain" }, pushed: true, left: ["Role", "Repository"], state: "retained" },
  { leaf: "image.deletionPolicy", change: { "image.deletionPolicy": "Retain" }, pushed: false, left: ["Repository"], state: "retained" },
  { leaf: "image.deletionPolicy", change: { "image.deletionPolicy": "Delete" }, pushed: false, left: [], state: "gone" },
  { leaf: "image.deletionPolicy", change: { "image.deletionPolicy": "Delete" }, pushed: true, left: ["Repository"], state: "blocked" },
  { leaf: "image.deletionPolicy", change: { "image.deletionPolicy": "DeleteWithImages" }, pushed: true, left: [], state: "gone" },
];
