import {
  SortOrder,
  TableCellDisplayMode,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import type { Builder, Dataquery } from "@grafana/grafana-foundation-sdk/cog";
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  MappingType,
  QueryVariableBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  VariableSort,
  type Threshold,
  type ValueMapping,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatPanel } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimelinePanel } from "@grafana/grafana-foundation-sdk/statetimeline";
import { PanelBuilder as TablePanel } from "@grafana/grafana-foundation-sdk/table";
import { PanelBuilder as TimeSeriesPanel } from "@grafana/grafana-foundation-sdk/timeseries";

/** What the dashboards are made of: by Grafana's own builders, so that the compiler knows what a panel may have. Widths are of 24 columns. */

const SOURCE = { type: "prometheus", uid: "${datasource}" };
/** Every selector has it. Where Prometheus holds one cluster, series have no such label, and all is what matches that too. */
export const CLUSTER = 'cluster=~"$cluster"';

export interface Look {
  readonly title: string;
  /** What a person reads in it, and from which value on it is bad. */
  readonly description: string;
  readonly width: number;
  /** Grafana's, as percentunit, s, reqps. */
  readonly unit?: string;
  /** The value from which each colour holds, null for the lowest. */
  readonly thresholds?: readonly Threshold[];
  /** What values are called. */
  readonly mappings?: readonly ValueMapping[];
}

/** Legend, as `{{name}}`, to PromQL. */
export type Queries = Readonly<Record<string, string>>;

const PANEL_HEIGHT = 8;
const STAT_HEIGHT = 4;

export function timeseries(look: Look, queries: Queries): TimeSeriesPanel {
  return looked(new TimeSeriesPanel(), look, PANEL_HEIGHT)
    .targets(ranges(queries))
    .lineWidth(1)
    .fillOpacity(8)
    .legend(new VizLegendOptionsBuilder().showLegend(true))
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
}

/** The value of now, large. */
export function stat(look: Look, queries: Queries): StatPanel {
  return looked(new StatPanel(), look, STAT_HEIGHT).targets(instants(queries));
}

/** What was the case when, in colours. */
export function timeline(look: Look, queries: Queries): TimelinePanel {
  return looked(new TimelinePanel(), look, PANEL_HEIGHT).targets(ranges(queries)).legend(new VizLegendOptionsBuilder().showLegend(false));
}

/** The labels of what a query finds now, with its value last. */
export function table(look: Look, query: string, columns: { readonly labels: readonly string[]; readonly value: string }): TablePanel {
  const shown = [...columns.labels, "Value"];
  return looked(new TablePanel(), look, PANEL_HEIGHT)
    .targets([source(query, "A").instant().format(PromQueryFormat.Table)])
    .withTransformation({ id: "filterFieldsByName", options: { include: { names: shown } } })
    .withTransformation({
      id: "organize",
      options: { indexByName: Object.fromEntries(shown.map((name, index) => [name, index])), renameByName: { Value: columns.value } },
    })
    .overrideByName(columns.value, [{ id: "custom.cellOptions", value: { type: TableCellDisplayMode.ColorText } }]);
}

interface Looks {
  title(title: string): this;
  description(description: string): this;
  datasource(datasource: typeof SOURCE): this;
  height(height: number): this;
  span(width: number): this;
  unit(unit: string): this;
  thresholds(thresholds: ThresholdsConfigBuilder): this;
  mappings(mappings: ValueMapping[]): this;
}

function looked<Panel extends Looks>(panel: Panel, look: Look, height: number): Panel {
  panel.title(look.title).description(look.description).datasource(SOURCE).height(height).span(look.width);
  if (look.unit !== undefined) panel.unit(look.unit);
  if (look.mappings !== undefined) panel.mappings([...look.mappings]);
  return panel.thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...(look.thresholds ?? [GOOD])]));
}

const GOOD: Threshold = { value: null, color: "green" };

/** Green below the value, red from it on. */
export function badFrom(value: number): readonly Threshold[] {
  return [GOOD, { value, color: "red" }];
}

/** Of the share of an error budget that is left. */
export const BUDGET_LEFT: readonly Threshold[] = [
  { value: null, color: "red" },
  { value: 0, color: "orange" },
  { value: 0.25, color: "yellow" },
  { value: 0.5, color: "green" },
];

/** Values by what they are called, each with its colour. */
export function named(values: Readonly<Record<string, readonly [text: string, color: string]>>): readonly ValueMapping[] {
  const options = Object.entries(values).map(([value, [text, color]], index) => [value, { text, color, index }] as const);
  return [{ type: MappingType.ValueToText, options: Object.fromEntries(options) }];
}

function ranges(queries: Queries): Builder<Dataquery>[] {
  return each(queries, (query) => query.range());
}

function instants(queries: Queries): Builder<Dataquery>[] {
  return each(queries, (query) => query.instant());
}

function each(queries: Queries, ask: (query: DataqueryBuilder) => DataqueryBuilder): Builder<Dataquery>[] {
  return Object.entries(queries).map(([legend, expr], index) => ask(source(expr, String.fromCodePoint(65 + index)).legendFormat(legend)));
}

function source(expr: string, refId: string): DataqueryBuilder {
  return new DataqueryBuilder().datasource(SOURCE).expr(expr).refId(refId);
}

/** A dashboard with what all have: where its data is, and of which cluster. */
export function dashboard(uid: string, title: string, description: string): DashboardBuilder {
  return new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(["platform-operator"])
    .time({ from: "now-6h", to: "now" })
    .refresh("1m")
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder("datasource").label("Prometheus").type("prometheus"))
    .withVariable(
      variable("cluster", "Cluster", "label_values(platform_operator_build_info, cluster)").includeAll(true).allValue(".*").current(ALL),
    )
    .link(
      new DashboardLinkBuilder("platform-operator")
        .type(DashboardLinkType.Dashboards)
        .tags(["platform-operator"])
        .keepTime(true)
        .includeVars(true),
    );
}

export const ALL = { text: "All", value: "$__all" };

/** A variable of values that Prometheus has. */
export function variable(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(SOURCE)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc);
}
