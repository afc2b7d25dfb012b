import type {
  Dashboard,
  DashboardLink,
  DataSourceRef,
  FieldConfig,
  FieldConfigSource,
  Panel,
  RowPanel,
} from "@grafana/grafana-foundation-sdk/dashboard";
import type { Dataquery } from "@grafana/grafana-foundation-sdk/prometheus";
import type * as stat from "@grafana/grafana-foundation-sdk/stat";
import type * as statetimeline from "@grafana/grafana-foundation-sdk/statetimeline";
import type * as table from "@grafana/grafana-foundation-sdk/table";
import type * as timeseries from "@grafana/grafana-foundation-sdk/timeseries";

/** Grafana's own types of a dashboard, where those of panels say which options and queries each kind has. schema.ts makes a JSON schema of it. */

interface PanelOf<Type extends string, Options, Custom> extends Omit<Panel, "type" | "targets" | "options" | "fieldConfig" | "datasource"> {
  type: Type;
  title: string;
  description: string;
  datasource: Required<DataSourceRef>;
  targets: Query[];
  options: Options;
  fieldConfig: Omit<FieldConfigSource, "defaults"> & {
    defaults: Omit<FieldConfig, "custom" | "links"> & { custom?: Custom; links?: DashboardLink[] };
  };
}

type Query = Omit<Dataquery, "refId" | "datasource"> & { refId: string; datasource: Required<DataSourceRef> };

type KnownPanel =
  | PanelOf<"stat", stat.Options, Record<string, never>>
  | PanelOf<"state-timeline", statetimeline.Options, statetimeline.FieldConfig>
  | PanelOf<"table", table.Options, table.FieldConfig>
  | PanelOf<"timeseries", timeseries.Options, timeseries.FieldConfig>;

export interface ShippedDashboard extends Omit<Dashboard, "panels" | "uid" | "title"> {
  uid: string;
  title: string;
  panels: (KnownPanel | RowPanel)[];
}
