import { cold } from "./cold.ts";
import type { Row } from "./table.ts";

/** How long a fleet of that size took to create. */
export interface Creation {
  readonly size: number;
  readonly seconds: number;
}

/** How the time to create a fleet grows with the fleet: 1 is in proportion. What has been measured already is not measured again. */
export async function growth(sizes: readonly number[], measured: Creation, told: (line: string) => void): Promise<readonly Row[]> {
  const points: Creation[] = [];
  for (const size of sizes) points.push(size === measured.size ? measured : await created(size, told));
  const of = `growth, ${sizes.join(" ")}`;
  return [
    ...points.map(({ size, seconds }) => ({ of, what: `${String(size)} services`, value: seconds, unit: "s" })),
    { of, what: "exponent", value: exponent(points), unit: "", atMost: 1.05 },
  ];
}

async function created(size: number, told: (line: string) => void): Promise<Creation> {
  const { stage, operator, seconds } = await cold(size, "1h");
  await operator.stop();
  await stage.stop();
  told(`${String(size)} services in ${seconds.toFixed(1)} s`);
  return { size, seconds };
}

/** Of the power law that fits the points best: the slope of the logarithms, by least squares. */
export function exponent(points: readonly Creation[]): number {
  const xs = points.map(({ size }) => Math.log(size));
  const ys = points.map(({ seconds }) => Math.log(seconds));
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mx, my] = [mean(xs), mean(ys)];
  const covariance = xs.reduce((sum, x, index) => sum + (x - mx) * ((ys[index] ?? 0) - my), 0);
  return covariance / xs.reduce((sum, x) => sum + (x - mx) ** 2, 0);
}
