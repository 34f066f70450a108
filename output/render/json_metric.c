/* A metric as JSON: docs/formats.md. */
#include "output/model/tables.h"
#include "output/render/json_frame.h"

static void put_ratio(struct plait_json *json, const char *name, const struct plait_ratio *ratio,
		      const struct plait_metric *metric)
{
	double value, error;
	plait_json_open(json, name, '{');
	plait_json_number(json, "samples", ratio->samples);
	plait_json_double(json, "numerator", ratio->a);
	plait_json_double(json, "denominator", ratio->b);
	if (plait_ratio_value(ratio, metric, &value, &error)) {
		plait_json_double(json, "value", value);
		plait_json_double(json, "error", error);
	} else {
		plait_json_null(json, "value");
		plait_json_null(json, "error");
	}
	plait_json_close(json, '}');
}

static void put_table(struct plait_json *json, const char *name, const struct plait_profile *profile,
		      const struct plait_table *table)
{
	plait_json_open(json, name, '[');
	for (size_t i = 0; i < table->rows.count; i++) {
		const struct plait_table_row *row = &table->rows.data[i];
		plait_json_open(json, NULL, '{');
		plait_json_frame(json, "frame", &profile->labels.all.data[row->label]);
		put_ratio(json, "self", &row->self_ratio, &profile->metric);
		put_ratio(json, "total", &row->total_ratio, &profile->metric);
		plait_json_close(json, '}');
	}
	plait_json_close(json, ']');
}

struct plait_error *plait_json_metric(struct plait_json *json, const struct plait_profile *profile,
				      const struct plait_selection *selection)
{
	const struct plait_metric *metric = &profile->metric;
	struct plait_table functions = { 0 }, lines = { 0 };
	struct plait_error *error = plait_table_by_function(profile, selection, &functions);
	if (!error)
		error = plait_table_by_line(profile, selection, &lines);
	if (!error) {
		plait_json_open(json, "metric", '{');
		plait_json_string(json, "name", metric->name);
		plait_json_number(json, "numerator", metric->numerator);
		plait_json_number(json, "denominator", metric->denominator);
		plait_json_double(json, "factor", metric->factor);
		plait_json_bool(json, "percent", metric->percent);
		plait_json_bool(json, "paired", metric->paired);
		put_ratio(json, "total", &functions.ratio, metric);
		put_table(json, "functions", profile, &functions);
		put_table(json, "lines", profile, &lines);
		plait_json_close(json, '}');
	}
	plait_table_release(&functions);
	plait_table_release(&lines);
	return error;
}
