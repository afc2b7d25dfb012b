import { defineConfig } from "vitest/config";

/** unit: no cluster. integration: a real API server without the operator. operator: the operator as a process, under its own rights. faults: each file an environment of its own. package: the charts, by real Helm. upgrade: from earlier releases, where the clone holds them. image: the Dockerfile, where a Docker daemon can be started. slo: the rules of SLOs, by Prometheus' promtool. oracles: programs that are not ours, asked what our objects mean; oracles-cluster: those that watch a cluster. */
export default defineConfig({
  test: {
    projects: [
      // Not isolated: no test changes a module, and to import the AWS SDK anew for each file takes longer than all the tests.
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 20_000, isolate: false } },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          globalSetup: ["test/support/global-setup.ts"],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: "operator",
          include: ["test/operator/**/*.test.ts"],
          globalSetup: ["test/support/operator-setup.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: "faults",
          // A failure in CI is known by its message alone.
          chaiConfig: { truncateThreshold: 0 },
          include: ["test/faults/**/*.test.ts"],
          testTimeout: 1_800_000,
          hookTimeout: 600_000,
          // One more than cores: these wait for back-offs most of the time, and idle.test.ts for nothing else.
          maxWorkers: 3,
        },
      },
      {
        test: {
          name: "package",
          include: ["test/package/**/*.test.ts"],
          testTimeout: 180_000,
          // Helm is built in one of them, once.
          hookTimeout: 900_000,
          maxWorkers: 2,
        },
      },
      {
        test: { name: "upgrade", include: ["test/upgrade/**/*.test.ts"], testTimeout: 180_000, hookTimeout: 900_000 },
      },
      // The image is built in the hook.
      { test: { name: "image", include: ["test/image/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 900_000 } },
      {
        test: {
          name: "slo",
          include: ["test/slo/*.test.ts"],
          globalSetup: ["test/support/slo/setup.ts"],
          testTimeout: 300_000,
          maxWorkers: 2,
          // Each runs promtool.
          maxConcurrency: 2,
        },
      },
      {
        test: {
          name: "oracles",
          include: ["test/oracles/*.test.ts"],
          globalSetup: ["test/support/oracles/setup.ts"],
          testTimeout: 60_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: "oracles-cluster",
          include: ["test/oracles/cluster/*.test.ts"],
          globalSetup: ["test/support/oracles/cluster-setup.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
