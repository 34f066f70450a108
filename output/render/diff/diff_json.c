#include <math.h>
#include <string.h>

#include "output/render/diff/diff.h"
#include "output/render/json_document.h"
#include "output/render/text_header.h"

static const char *const side_names[] = { "base", "new" };
static const char *const figure_names[] = { "own", "total" };

const char *plait_diff_verdict(enum plait_compare_verdict verdict)
{
	static const char *const words[] = {
		[PLAIT_COMPARE_SMALL] = "small",   [PLAIT_COMPARE_UNDECIDED] = "undecided",
		[PLAIT_COMPARE_SLOWER] = "slower", [PLAIT_COMPARE_FASTER] = "faster",
		[PLAIT_COMPARE_ADDED] = "added",   [PLAIT_COMPARE_REMOVED] = "removed",
	};
	return words[verdict];
}

/* A number, or null for what is not finite. */
static void put_number(struct plait_json *json, const char *key, double value)
{
	if (isfinite(value))
		plait_json_double(json, key, value);
	else
		plait_json_null(json, key);
}

static void put_figure(struct plait_json *json, const char *key, const struct plait_compare_figure *figure)
{
	plait_json_open(json, key, '{');
	for (int side = 0; side < PLAIT_COMPARE_SIDES; side++) {
		plait_json_open(json, side_names[side], '{');
		put_number(json, "weight", figure->weight[side]);
		put_number(json, "share", figure->share[side]);
		plait_json_number(json, "samples", figure->samples[side]);
		plait_json_close(json, '}');
	}
	plait_json_string(json, "verdict", plait_diff_verdict(figure->verdict));
	put_number(json, "change", figure->change);
	put_number(json, "low", figure->low);
	put_number(json, "high", figure->high);
	put_number(json, "p", figure->p);
	put_number(json, "adjusted", figure->adjusted);
	put_number(json, "detectable", figure->detectable);
	plait_json_close(json, '}');
}

static const char *kind_of(const struct plait_label *label)
{
	static const char *const kinds[] = {
		[PLAIT_LABEL_PYTHON] = "python", [PLAIT_LABEL_NATIVE] = "native",   [PLAIT_LABEL_KERNEL] = "kernel",
		[PLAIT_LABEL_MARKER] = "marker", [PLAIT_LABEL_PROCESS] = "process", [PLAIT_LABEL_THREAD] = "thread"
	};
	return kinds[label->kind];
}

static void put_row(struct plait_json *json, const struct plait_compare_row *row, bool line)
{
	plait_json_open(json, NULL, '{');
	if (line) {
		plait_json_number(json, "function", row->function);
		plait_json_bool(json, "guessed", row->guessed);
		if (row->text)
			plait_json_string(json, "text", row->text);
		else
			plait_json_null(json, "text");
	} else {
		plait_json_string(json, "kind", kind_of(row->label));
		plait_json_string(json, "name", row->label->name);
		plait_json_string(json, "place", row->place);
		plait_json_bool(json, "machinery", row->label->machinery);
	}
	if (row->label->kind == PLAIT_LABEL_PYTHON) {
		plait_json_open(json, "lines", '[');
		for (int side = 0; side < PLAIT_COMPARE_SIDES; side++) {
			if (row->lines[side])
				plait_json_signed(json, NULL, row->lines[side]);
			else
				plait_json_null(json, NULL);
		}
		plait_json_close(json, ']');
	}
	for (int figure = 0; figure < PLAIT_COMPARE_FIGURES; figure++)
		put_figure(json, figure_names[figure], &row->figures[figure]);
	plait_json_close(json, '}');
}

static void put_rows(struct plait_json *json, const char *key, const struct plait_compare_rows *rows, bool lines)
{
	plait_json_open(json, key, '{');
	put_number(json, "error_rate", rows->error_rate);
	plait_json_number(json, "tests", rows->tests);
	plait_json_open(json, "rows", '[');
	for (size_t i = 0; i < rows->rows.count; i++)
		put_row(json, &rows->rows.data[i], lines);
	plait_json_close(json, ']');
	plait_json_close(json, '}');
}

static void put_side(struct plait_json *json, const char *key, const struct plait_compare_side *side)
{
	plait_json_open(json, key, '{');
	plait_json_number(json, "samples", side->samples);
	put_number(json, "weight", side->weight);
	plait_json_open(json, "recordings", '[');
	for (size_t i = 0; i < side->count; i++) {
		plait_json_open(json, NULL, '{');
		plait_json_string(json, "path", side->inputs[i].path);
		plait_json_bool(json, "damaged", side->inputs[i].damaged);
		plait_json_recording(json, side->inputs[i].profile);
		plait_json_trust(json, "trust", &side->inputs[i].profile->trust, true);
		plait_json_close(json, '}');
	}
	plait_json_close(json, ']');
	plait_json_close(json, '}');
}

static void put_gate(struct plait_json *json, const struct plait_diff *diff)
{
	const struct plait_gate *gate = diff->gate;
	if (!gate || (!gate->has_above && !gate->function_count)) {
		plait_json_null(json, "gate");
		return;
	}
	plait_json_open(json, "gate", '{');
	plait_json_bool(json, "passed", diff->result->failures.count == 0);
	plait_json_number(json, "judged", diff->result->judged);
	plait_json_number(json, "unsure", diff->result->unsure);
	plait_json_open(json, "failures", '[');
	for (size_t i = 0; i < diff->result->failures.count; i++) {
		const struct plait_gate_failure *failure = &diff->result->failures.data[i];
		plait_json_open(json, NULL, '{');
		if (failure->row)
			plait_json_number(json, "function", failure->row->function);
		else
			plait_json_null(json, "function");
		plait_json_string(json, "figure", figure_names[failure->figure]);
		put_number(json, "allowed", failure->allowed / 100);
		plait_json_close(json, '}');
	}
	plait_json_close(json, ']');
	plait_json_close(json, '}');
}

static void put_nodes(struct plait_json *json, const struct plait_comparison *comparison)
{
	plait_json_open(json, "nodes", '[');
	for (size_t i = 1; i < comparison->nodes.count; i++) {
		const struct plait_compare_node *node = &comparison->nodes.data[i];
		plait_json_open(json, NULL, '[');
		plait_json_number(json, NULL, node->parent);
		plait_json_number(json, NULL, node->function);
		put_number(json, NULL, node->own[PLAIT_COMPARE_BASE]);
		put_number(json, NULL, node->own[PLAIT_COMPARE_NEW]);
		plait_json_close(json, ']');
	}
	plait_json_close(json, ']');
}

void plait_diff_document(const struct plait_diff *diff, bool tree, FILE *out)
{
	const struct plait_comparison *comparison = diff->comparison;
	bool assumed = comparison->rules.base_count + comparison->rules.new_count == 2;
	struct plait_json json = { .out = out };
	plait_json_open(&json, NULL, '{');
	plait_json_string(&json, "format", "plait-diff");
	plait_json_number(&json, "version", 1);
	plait_json_string(&json, "event", comparison->event->record.name);
	plait_json_string(&json, "unit", comparison->event->record.unit_ns ? "ns" : "count");
	plait_json_bool(&json, "absolute", comparison->options.absolute);
	put_number(&json, "error_rate", comparison->options.error_rate);
	put_number(&json, "threshold", comparison->options.threshold / 100);
	put_number(&json, "run_noise", assumed ? comparison->rules.run_noise : NAN);
	plait_json_bool(&json, "interleaved", comparison->rules.interleaved);
	put_number(&json, "reference", comparison->reference);
	plait_json_open(&json, "notes", '[');
	for (size_t i = 0; i < comparison->notes.count; i++)
		plait_json_string(&json, NULL, comparison->notes.data[i]);
	plait_json_close(&json, ']');
	for (int side = 0; side < PLAIT_COMPARE_SIDES; side++)
		put_side(&json, side_names[side], &comparison->sides[side]);
	put_figure(&json, "whole", &comparison->whole);
	put_rows(&json, "functions", &comparison->functions, false);
	put_rows(&json, "lines", &comparison->lines, true);
	put_gate(&json, diff);
	if (tree)
		put_nodes(&json, comparison);
	plait_json_close(&json, '}');
	fputc('\n', out);
}

struct plait_error *plait_diff_json(const struct plait_diff *diff, FILE *out)
{
	plait_diff_document(diff, false, out);
	return plait_stream_error(out);
}
