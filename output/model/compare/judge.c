#include "output/model/compare/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "output/model/compare/distribution.h"

/* Parts of the error rate; that of the whole goes to functions unless it is tested. */
#define FUNCTIONS_PART 0.5
#define LINES_PART 0.2
#define WHOLE_PART 0.3

enum { STARTS_MAX = 8, ROUNDS_MAX = 10 };

#define REFERENCE_LEAST 0.1   /* of a side's samples stay in the reference */
#define ALMOST 0.999	      /* efforts this near are the same */
#define SHARE_MOST 0.9	      /* what has more of all samples has nothing to be in proportion to */
#define INTERVAL_OUTSIDE 0.05 /* what a 95 % interval leaves out */

/* One figure of one row that is tested. */
struct test {
	enum plait_table_kind table;
	uint32_t row;
	int figure;
	size_t like; /* index of the first test with the very same samples; its own: none before */
	struct plait_contrast contrast;
	double adjusted;
};

struct judge {
	struct plait_comparison *comparison;
	struct plait_measure *measure;
	struct plait_contrast_rules rules;
	PLAIT_VEC(struct test) tests;	       /* functions first */
	PLAIT_VEC(struct test) units;	       /* of PLAIT_MEASURE_UNIT: they settle the reference */
	struct plait_map likes;		       /* hash of blocks -> index in tests */
	bool *outside;			       /* by function: not in the reference */
	struct plait_measure_sum *reference;   /* by input */
	double *leaves;			       /* by input, by function: what fell there and is in the reference */
	double *leaf_squares;		       /* by input: sum of the squares of that */
	double *reference_blocks;	       /* by input, by block */
	struct plait_contrast_part *parts;     /* scratch, by input */
	size_t families[PLAIT_COMPARE_TABLES]; /* numbers of different tests */
};

static struct plait_compare_rows *table_of(struct plait_comparison *comparison, enum plait_table_kind table)
{
	return table == PLAIT_COMPARE_FUNCTIONS ? &comparison->functions : &comparison->lines;
}

static int side_of(const struct judge *judge, size_t input)
{
	return input < judge->rules.base_count ? PLAIT_COMPARE_BASE : PLAIT_COMPARE_NEW;
}

static size_t inputs_of(const struct judge *judge, int side)
{
	return side == PLAIT_COMPARE_BASE ? judge->rules.base_count : judge->rules.new_count;
}

/* Sums of weights of each side. */
static void whole_of(const struct judge *judge, double ret[PLAIT_COMPARE_SIDES])
{
	ret[0] = ret[1] = 0;
	for (size_t i = 0; i < judge->measure->count; i++)
		ret[side_of(judge, i)] += judge->measure->inputs[i].whole.weight;
}

static void fill_figure(const struct judge *judge, enum plait_table_kind table, uint32_t row, int figure,
			struct plait_compare_figure *ret)
{
	double whole[PLAIT_COMPARE_SIDES];
	whole_of(judge, whole);
	for (size_t i = 0; i < judge->measure->count; i++) {
		const struct plait_measure_value *value = plait_measure_value_of(judge->measure, table, row, figure, i);
		ret->weight[side_of(judge, i)] += value->sum.weight;
		ret->samples[side_of(judge, i)] += value->sum.samples;
	}
	for (int side = 0; side < PLAIT_COMPARE_SIDES; side++) {
		ret->share[side] = whole[side] > 0 ? ret->weight[side] / whole[side] : 0;
		ret->weight[side] /= (double)inputs_of(judge, side);
	}
	ret->low = ret->high = ret->detectable = ret->p = ret->adjusted = NAN;
}

static struct plait_error *fill_rows(const struct judge *judge, enum plait_table_kind table)
{
	struct plait_compare_rows *rows = table_of(judge->comparison, table);
	const struct plait_match *match = &judge->measure->match;
	bool functions = table == PLAIT_COMPARE_FUNCTIONS;
	size_t count = functions ? match->functions.count : match->lines.count;
	if (!plait_vec_reserve(&rows->rows, count))
		return plait_error_no_memory();
	for (uint32_t i = 0; i < count; i++) {
		const struct plait_match_row *from = functions ? &match->functions.data[i] : &match->lines.data[i];
		struct plait_compare_row row = { .label = from->label,
						 .place = from->place,
						 .function = from->function,
						 .lines = { from->lines[0], from->lines[1] },
						 .text = from->text,
						 .guessed = from->guessed };
		for (int figure = 0; figure < PLAIT_COMPARE_FIGURES; figure++)
			fill_figure(judge, table, i, figure, &row.figures[figure]);
		rows->rows.data[rows->rows.count++] = row;
	}
	return NULL;
}

static bool is_always(const struct judge *judge, const struct plait_compare_row *row)
{
	const struct plait_compare_options *options = &judge->comparison->options;
	for (size_t i = 0; i < options->always_count; i++) {
		if (strcmp(options->always[i], row->label->name) == 0)
			return true;
	}
	return false;
}

/* What interrupts do is the machine's affair: with one recording a side nobody knows how much it varies. */
static bool is_interrupts(const struct judge *judge, enum plait_table_kind table, uint32_t row, int figure)
{
	double weight = 0, interrupted = 0;
	for (size_t i = 0; i < judge->measure->count; i++) {
		const struct plait_measure_value *value = plait_measure_value_of(judge->measure, table, row, figure, i);
		weight += value->sum.weight;
		interrupted += value->interrupted;
	}
	return judge->rules.base_count + judge->rules.new_count == 2 && interrupted > weight / 2;
}

static bool is_tested(const struct judge *judge, const struct plait_compare_row *row, int figure)
{
	const struct plait_compare_figure *own = &row->figures[PLAIT_COMPARE_OWN], *value = &row->figures[figure];
	if (value->samples[0] + value->samples[1] < PLAIT_COMPARE_FEWEST)
		return false;
	if (figure == PLAIT_COMPARE_TOTAL && row->label->machinery && !own->samples[0] && !own->samples[1])
		return false;
	if (row->guessed)
		return false; /* the other side's may be another line */
	double share = (value->share[0] + value->share[1]) / 2;
	if (is_always(judge, row))
		return true;
	return share * 100 >= judge->comparison->options.threshold &&
	       (share <= SHARE_MOST || judge->comparison->options.absolute);
}

static bool same_blocks(const struct judge *judge, const struct test *a, const struct test *b)
{
	for (size_t i = 0; i < judge->measure->count; i++) {
		const double *left = plait_measure_value_of(judge->measure, a->table, a->row, a->figure, i)->blocks;
		const double *right = plait_measure_value_of(judge->measure, b->table, b->row, b->figure, i)->blocks;
		if (memcmp(left, right, PLAIT_COMPARE_BLOCKS * sizeof(*left)) != 0)
			return false;
	}
	return true;
}

/* Adds a test, and finds out whether one before it in its table has the same samples. */
static struct plait_error *add_test(struct judge *judge, const struct test *wanted)
{
	struct test test = *wanted;
	test.like = judge->tests.count;
	uint64_t hash = (uint64_t)test.table;
	for (size_t i = 0; i < judge->measure->count; i++) {
		const struct plait_measure_value *value =
			plait_measure_value_of(judge->measure, test.table, test.row, test.figure, i);
		hash = plait_hash_u64(hash ^
				      plait_hash_bytes(value->blocks, PLAIT_COMPARE_BLOCKS * sizeof(*value->blocks)));
	}
	uint64_t *known = plait_map_get(&judge->likes, hash);
	if (known && same_blocks(judge, &judge->tests.data[*known], &test))
		test.like = *known;
	else
		judge->families[test.table]++;
	if ((!known && !plait_map_put(&judge->likes, hash, judge->tests.count)) || !plait_vec_push(&judge->tests, test))
		return plait_error_no_memory();
	return NULL;
}

/* Units are those of rows that are tested, for their blocks are known. */
static struct plait_error *choose_units(struct judge *judge, const bool *known)
{
	for (uint32_t i = 0; i < judge->measure->match.functions.count; i++) {
		struct test test = { PLAIT_COMPARE_FUNCTIONS, i, PLAIT_MEASURE_UNIT, .like = i };
		uint64_t samples = 0;
		for (size_t j = 0; j < judge->measure->count; j++)
			samples += plait_measure_value_of(judge->measure, test.table, i, test.figure, j)->sum.samples;
		if (known[i] && samples >= PLAIT_COMPARE_FEWEST && !plait_vec_push(&judge->units, test))
			return plait_error_no_memory();
	}
	return NULL;
}

static struct plait_error *choose_tests(struct judge *judge)
{
	PLAIT_VEC(struct test) chosen = { 0 };
	bool *wanted[PLAIT_COMPARE_TABLES] = { NULL, NULL };
	struct plait_error *error = NULL;
	for (int table = 0; table < PLAIT_COMPARE_TABLES; table++) {
		const struct plait_compare_rows *rows = table_of(judge->comparison, (enum plait_table_kind)table);
		wanted[table] = calloc(rows->rows.count + 1, sizeof(bool));
		for (int figure = 0; wanted[table] && figure < PLAIT_COMPARE_FIGURES; figure++) {
			for (uint32_t i = 0; !error && i < rows->rows.count; i++) {
				struct test test = { (enum plait_table_kind)table, i, figure, .adjusted = 1 };
				if (!is_tested(judge, &rows->rows.data[i], figure) ||
				    is_interrupts(judge, test.table, i, figure))
					continue;
				wanted[table][i] = true;
				if (!plait_vec_push(&chosen, test))
					error = plait_error_no_memory();
			}
		}
		if (!wanted[table] && !error)
			error = plait_error_no_memory();
	}
	if (!error)
		error = plait_measure_blocks(judge->measure, (const bool **)wanted);
	for (size_t i = 0; !error && i < chosen.count; i++)
		error = add_test(judge, &chosen.data[i]);
	if (!error)
		error = choose_units(judge, wanted[PLAIT_COMPARE_FUNCTIONS]);
	plait_vec_free(&chosen);
	free(wanted[0]);
	free(wanted[1]);
	return error;
}

/* The sum of the squares of what fell into each function and is in the reference, by their noise. */
static double reference_leaf_squares(const struct judge *judge, size_t input)
{
	uint32_t functions = (uint32_t)judge->measure->match.functions.count;
	double sum = 0, kernel = 0;
	for (uint32_t i = 0; i < functions; i++) {
		double leaf = judge->leaves[input * functions + i];
		if (plait_measure_is_kernel(judge->measure, i))
			kernel += leaf * PLAIT_MEASURE_KERNEL_NOISE;
		else
			sum += leaf * leaf;
	}
	return sum + kernel * kernel;
}

/* Takes what fell into each function by the doing of `unit` out of the reference (`sign` -1), or back (1). */
static void leaves_move(struct judge *judge, uint32_t unit, double sign)
{
	size_t functions = judge->measure->match.functions.count;
	for (size_t i = 0; i < judge->measure->count; i++) {
		const struct plait_measure_input *input = &judge->measure->inputs[i];
		const uint32_t *function_of = judge->measure->match.function_of[i];
		for (size_t j = 0; j < input->cells.count; j++) {
			const struct plait_measure_cell *cell = &input->cells.data[j];
			uint32_t leaf = function_of[input->timeline->tree->nodes.data[cell->node].label];
			if (input->unit[cell->node] == unit)
				judge->leaves[i * functions + leaf] += sign * cell->sum.weight;
		}
		judge->leaf_squares[i] = reference_leaf_squares(judge, i);
	}
}

/* Puts everything into the reference. */
static bool begin_reference(struct judge *judge)
{
	size_t count = judge->measure->count;
	judge->outside = calloc(judge->measure->match.functions.count + 1, sizeof(*judge->outside));
	judge->reference = calloc(count, sizeof(*judge->reference));
	judge->reference_blocks = calloc(count * PLAIT_COMPARE_BLOCKS, sizeof(*judge->reference_blocks));
	judge->parts = calloc(count, sizeof(*judge->parts));
	judge->leaf_squares = calloc(count, sizeof(*judge->leaf_squares));
	judge->leaves = calloc(count * judge->measure->match.functions.count + 1, sizeof(*judge->leaves));
	if (!judge->outside || !judge->reference || !judge->reference_blocks || !judge->parts || !judge->leaf_squares ||
	    !judge->leaves)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct plait_measure_input *input = &judge->measure->inputs[i];
		judge->reference[i] = input->whole;
		memcpy(&judge->reference_blocks[i * PLAIT_COMPARE_BLOCKS], input->blocks, sizeof(input->blocks));
		for (uint32_t j = 0; j < judge->measure->match.functions.count; j++)
			judge->leaves[i * judge->measure->match.functions.count + j] =
				plait_measure_value_of(judge->measure, PLAIT_COMPARE_FUNCTIONS, j, PLAIT_COMPARE_OWN, i)
					->sum.weight;
		judge->leaf_squares[i] = reference_leaf_squares(judge, i);
	}
	return true;
}

/* Takes what is a function's doing out of the reference (`sign` -1), or back (1). */
static void reference_move(struct judge *judge, uint32_t function, double sign)
{
	judge->outside[function] = sign < 0;
	leaves_move(judge, function, sign);
	for (size_t i = 0; i < judge->measure->count; i++) {
		const struct plait_measure_value *value = plait_measure_value_of(
			judge->measure, PLAIT_COMPARE_FUNCTIONS, function, PLAIT_MEASURE_UNIT, i);
		judge->reference[i].weight += sign * value->sum.weight;
		judge->reference[i].squares += sign * value->sum.squares;
		for (int j = 0; j < PLAIT_COMPARE_BLOCKS; j++)
			judge->reference_blocks[i * PLAIT_COMPARE_BLOCKS + (size_t)j] += sign * value->blocks[j];
	}
}

/* Sums of the reference of each side. */
static void reference_of(const struct judge *judge, double ret[PLAIT_COMPARE_SIDES])
{
	ret[0] = ret[1] = 0;
	for (size_t i = 0; i < judge->measure->count; i++)
		ret[side_of(judge, i)] += judge->reference[i].weight;
}

/* Sums of a unit of each side. */
static void unit_of(const struct judge *judge, uint32_t function, double ret[PLAIT_COMPARE_SIDES])
{
	ret[0] = ret[1] = 0;
	for (size_t i = 0; i < judge->measure->count; i++)
		ret[side_of(judge, i)] +=
			plait_measure_value_of(judge->measure, PLAIT_COMPARE_FUNCTIONS, function, PLAIT_MEASURE_UNIT, i)
				->sum.weight;
}

/* Whether enough stays in the reference without it. */
static bool can_leave(const struct judge *judge, uint32_t function)
{
	double reference[PLAIT_COMPARE_SIDES], whole[PLAIT_COMPARE_SIDES], own[PLAIT_COMPARE_SIDES];
	reference_of(judge, reference);
	whole_of(judge, whole);
	unit_of(judge, function, own);
	for (int side = 0; side < PLAIT_COMPARE_SIDES; side++) {
		if (reference[side] - own[side] < REFERENCE_LEAST * whole[side])
			return false;
	}
	return true;
}

/* Measures a test against the reference as it is now. */
static void measure_test(struct judge *judge, struct test *test)
{
	bool absolute = judge->comparison->options.absolute;
	for (size_t i = 0; i < judge->measure->count; i++) {
		const struct plait_measure_value *value =
			plait_measure_value_of(judge->measure, test->table, test->row, test->figure, i);
		struct plait_contrast_part part = { .part = value->sum.weight,
						    .part_squares = value->sum.squares,
						    .reference = 1,
						    .part_blocks = value->blocks };
		if (!absolute) {

			bool unit = test->figure == PLAIT_MEASURE_UNIT; /* wholly in the reference, or not at all */
			part.reference = judge->reference[i].weight;
			part.reference_squares = judge->reference[i].squares;
			part.reference_leaf_squares = judge->leaf_squares[i];
			part.leaf_squares = value->leaf_squares;
			part.reference_blocks = &judge->reference_blocks[i * PLAIT_COMPARE_BLOCKS];
			part.shared_squares = unit && judge->outside[test->row] ? 0
					      : unit				? value->sum.squares
										: value->shared_squares;
		}
		judge->parts[i] = part;
	}
	plait_contrast_measure(judge->parts, &judge->rules, &test->contrast);
}

/* Learns from functions' own costs, or units, how much recordings differ. */
static struct plait_error *learn_prior(struct judge *judge, const struct test *tests, size_t count, int figure)
{
	PLAIT_VEC(struct plait_contrast) contrasts = { 0 };
	bool kept = true;
	for (size_t i = 0; kept && i < count; i++) {
		if (tests[i].table == PLAIT_COMPARE_FUNCTIONS && tests[i].figure == figure)
			kept = plait_vec_push(&contrasts, tests[i].contrast);
	}
	if (kept)
		plait_contrast_prior(contrasts.data, contrasts.count, &judge->rules);
	plait_vec_free(&contrasts);
	return kept ? NULL : plait_error_no_memory();
}

/* Larger ones first. */
static int compare_size(const void *a, const void *b, void *context)
{
	const struct test *left = a, *right = b;
	double more[PLAIT_COMPARE_SIDES], less[PLAIT_COMPARE_SIDES];
	unit_of(context, left->row, more);
	unit_of(context, right->row, less);
	double difference = more[0] + more[1] - less[0] - less[1];
	return difference > 0 ? -1 : difference < 0 ? 1 : (left->row > right->row) - (left->row < right->row);
}

/* Tests all units against the reference as it is. */
static struct plait_error *test_units(struct judge *judge)
{
	for (size_t i = 0; i < judge->units.count; i++)
		measure_test(judge, &judge->units.data[i]);
	PLAIT_TRY(learn_prior(judge, judge->units.data, judge->units.count, PLAIT_MEASURE_UNIT));
	for (size_t i = 0; i < judge->units.count; i++)
		plait_contrast_test(&judge->units.data[i].contrast, &judge->rules);
	return NULL;
}

static void set_outside(struct judge *judge, uint32_t function, bool outside)
{
	if (judge->outside[function] != outside)
		reference_move(judge, function, outside ? -1 : 1);
}

/* Lets units that differ from the reference leave it, and those that do not come back, until nothing moves. */
static struct plait_error *grow_reference(struct judge *judge)
{
	double level = judge->comparison->functions.error_rate / (double)judge->units.count;
	bool moved = true;
	for (int round = 0; round < ROUNDS_MAX && moved; round++) {
		moved = false;
		PLAIT_TRY(test_units(judge));
		for (size_t i = 0; i < judge->units.count; i++) {
			const struct test *test = &judge->units.data[i];
			bool outside =
				test->contrast.p <= level && (judge->outside[test->row] || can_leave(judge, test->row));
			moved = moved || outside != judge->outside[test->row];
			set_outside(judge, test->row, outside);
		}
	}
	return NULL;
}

/* Whether every recording is of a command from its start to its end: then what did not change costs as much as before,
 * but for the speed of the machine. */
static bool are_whole_runs(const struct judge *judge)
{
	for (size_t i = 0; i < judge->measure->count; i++) {
		const char *command = judge->measure->inputs[i].timeline->profile->header.command;
		if (strncmp(command, "pid ", 4) == 0 || strcmp(command, "the whole machine") == 0)
			return false;
	}
	return true;
}

/* How much a reference has to explain away: what changed, as a part of everything, times the root of the number of
 * functions. Little and few is the likelier story, and one in which the machine did not get many times faster or
 * slower. */
static double effort_of(const struct judge *judge)
{
	double reference[PLAIT_COMPARE_SIDES], whole[PLAIT_COMPARE_SIDES], changed = 0;
	size_t count = 0;
	reference_of(judge, reference);
	whole_of(judge, whole);
	double scale = reference[1] / reference[0];
	for (size_t i = 0; i < judge->units.count; i++) {
		double own[PLAIT_COMPARE_SIDES];
		if (!judge->outside[judge->units.data[i].row])
			continue;
		unit_of(judge, judge->units.data[i].row, own);
		changed += fabs(own[1] - scale * own[0]);
		count++;
	}
	double speed =
		are_whole_runs(judge) ? scale * (double)judge->rules.base_count / (double)judge->rules.new_count : 1;
	return changed / (whole[1] + scale * whole[0]) * sqrt((double)count) * fmax(speed * speed, 1 / (speed * speed));
}

/* Begins with one unit as the reference (PLAIT_NONE: with all); small ones, which are not tested, are always in it. */
static void begin_with(struct judge *judge, uint32_t function)
{
	for (size_t i = 0; i < judge->units.count; i++)
		set_outside(judge, judge->units.data[i].row, false);
	for (size_t i = 0; i < judge->units.count && function != PLAIT_NONE; i++)
		set_outside(judge, judge->units.data[i].row, judge->units.data[i].row != function);
}

/* Finds what did not change: from each of the largest units on, and from everything, a reference is grown; that with
 * the least effort is taken. */
static struct plait_error *settle_reference(struct judge *judge)
{
	uint32_t starts[STARTS_MAX + 1] = { PLAIT_NONE }, best = PLAIT_NONE;
	double least = INFINITY;
	size_t count = judge->units.count < STARTS_MAX ? judge->units.count : STARTS_MAX;
	if (!judge->units.count)
		return NULL;
	qsort_r(judge->units.data, judge->units.count, sizeof(*judge->units.data), compare_size, judge);
	for (size_t i = 0; i < count; i++)
		starts[i + 1] = judge->units.data[i].row;
	for (size_t i = 0; i <= count; i++) {
		begin_with(judge, starts[i]);
		PLAIT_TRY(grow_reference(judge));
		double effort = effort_of(judge);
		if (effort < least * ALMOST) {
			least = effort;
			best = starts[i];
		}
		if (effort == 0)
			return NULL;
	}
	begin_with(judge, best);
	return grow_reference(judge);
}

/* Holm's adjustment of the tests of a table. */
static struct plait_error *adjust(struct judge *judge, enum plait_table_kind table)
{
	size_t count = judge->tests.count;
	double *p PLAIT_FREE = calloc(count + 1, sizeof(*p));
	double *adjusted PLAIT_FREE = calloc(count + 1, sizeof(*adjusted));
	if (!p || !adjusted)
		return plait_error_no_memory();
	for (size_t i = 0; i < count; i++) {
		const struct test *test = &judge->tests.data[i];
		p[i] = test->table == table && test->like == i ? test->contrast.p : NAN;
	}
	if (!plait_holm(p, count, adjusted))
		return plait_error_no_memory();
	for (size_t i = 0; i < count; i++) {
		if (!isnan(p[i]))
			judge->tests.data[i].adjusted = adjusted[i];
	}
	return NULL;
}

static struct plait_error *test_all(struct judge *judge)
{
	if (!judge->comparison->options.absolute)
		PLAIT_TRY(settle_reference(judge));
	PLAIT_TRY(plait_measure_share(judge->measure, judge->outside));
	for (size_t i = 0; i < judge->tests.count; i++)
		measure_test(judge, &judge->tests.data[i]);
	PLAIT_TRY(learn_prior(judge, judge->tests.data, judge->tests.count, PLAIT_COMPARE_OWN));
	for (size_t i = 0; i < judge->tests.count; i++)
		plait_contrast_test(&judge->tests.data[i].contrast, &judge->rules);
	PLAIT_TRY(adjust(judge, PLAIT_COMPARE_FUNCTIONS));
	return adjust(judge, PLAIT_COMPARE_LINES);
}

static enum plait_compare_verdict verdict_of(const struct plait_compare_figure *figure, double error_rate)
{
	if (!figure->tested)
		return PLAIT_COMPARE_SMALL;
	if (figure->adjusted > error_rate)
		return PLAIT_COMPARE_UNDECIDED;
	if (!figure->samples[PLAIT_COMPARE_BASE])
		return PLAIT_COMPARE_ADDED;
	if (!figure->samples[PLAIT_COMPARE_NEW])
		return PLAIT_COMPARE_REMOVED;
	return figure->change > 0 ? PLAIT_COMPARE_SLOWER : PLAIT_COMPARE_FASTER;
}

bool plait_compare_is_change(enum plait_compare_verdict verdict)
{
	return verdict > PLAIT_COMPARE_UNDECIDED;
}

/* By how much a figure changed, noise included. */
static double raw_change(const struct judge *judge, const struct plait_compare_figure *figure)
{
	double reference[PLAIT_COMPARE_SIDES], scale = 1;
	reference_of(judge, reference);
	if (figure->weight[0] <= 0)
		return figure->weight[1] > 0 ? INFINITY : NAN;
	if (!judge->comparison->options.absolute)
		scale = reference[0] / reference[1] * (double)judge->rules.new_count / (double)judge->rules.base_count;
	return figure->weight[1] / figure->weight[0] * scale - 1;
}

/* `level`: of the first of the tests. */
static void take_contrast(const struct test *test, double level, struct plait_compare_figure *figure)
{
	const struct plait_contrast *contrast = &test->contrast;
	figure->tested = true;
	figure->p = contrast->p;
	figure->adjusted = test->adjusted;
	figure->detectable = plait_contrast_detectable(contrast, level);
	if (figure->samples[0] && figure->samples[1]) {
		double away = plait_student_quantile(INTERVAL_OUTSIDE, contrast->df) * contrast->error;
		figure->low = expm1(contrast->change - away);
		figure->high = expm1(contrast->change + away);
	}
}

static void take_results(struct judge *judge)
{
	for (size_t i = 0; i < judge->tests.count; i++) {
		struct test *test = &judge->tests.data[i];
		const struct test *first = &judge->tests.data[test->like];
		struct plait_compare_rows *rows = table_of(judge->comparison, test->table);
		test->adjusted = first->adjusted;
		test->contrast = first->contrast;
		take_contrast(test, rows->error_rate / (double)judge->families[test->table],
			      &rows->rows.data[test->row].figures[test->figure]);
	}
	for (int table = 0; table < PLAIT_COMPARE_TABLES; table++) {
		struct plait_compare_rows *rows = table_of(judge->comparison, (enum plait_table_kind)table);
		rows->tests = judge->families[table];
		for (size_t i = 0; i < rows->rows.count * PLAIT_COMPARE_FIGURES; i++) {
			struct plait_compare_figure *figure =
				&rows->rows.data[i / PLAIT_COMPARE_FIGURES].figures[i % PLAIT_COMPARE_FIGURES];
			figure->change = raw_change(judge, figure);
			figure->verdict = verdict_of(figure, rows->error_rate);
		}
	}
}

/* Everything that was selected. */
static struct plait_error *judge_whole(struct judge *judge)
{
	struct plait_compare_figure *whole = &judge->comparison->whole;
	double sums[PLAIT_COMPARE_SIDES];
	whole_of(judge, sums);
	whole->low = whole->high = whole->detectable = whole->p = whole->adjusted = NAN;
	for (int side = 0; side < PLAIT_COMPARE_SIDES; side++) {
		whole->weight[side] = sums[side] / (double)inputs_of(judge, side);
		whole->share[side] = 1;
		whole->samples[side] = judge->comparison->sides[side].samples;
	}
	whole->change = raw_change(judge, whole);
	if (!judge->comparison->options.absolute)
		return NULL;
	struct test test = { .contrast.p = 1 };
	for (size_t i = 0; i < judge->measure->count; i++) {
		const struct plait_measure_input *input = &judge->measure->inputs[i];
		judge->parts[i] = (struct plait_contrast_part) { .part = input->whole.weight,
								 .part_squares = input->whole.squares,
								 .reference = 1 };
	}
	plait_contrast_measure(judge->parts, &judge->rules, &test.contrast);
	plait_contrast_test(&test.contrast, &judge->rules);
	test.adjusted = test.contrast.p; /* one test, at a part of the error rate that is nobody else's */
	double level = judge->comparison->options.error_rate * WHOLE_PART;
	take_contrast(&test, level, whole);
	whole->verdict = verdict_of(whole, level);
	return NULL;
}

struct plait_error *plait_compare_judge(struct plait_comparison *comparison, struct plait_measure *measure)
{
	struct judge judge = { .comparison = comparison, .measure = measure, .rules = comparison->rules };
	double rate = comparison->options.error_rate;
	comparison->lines.error_rate = rate * LINES_PART;
	comparison->functions.error_rate = rate * (FUNCTIONS_PART + (comparison->options.absolute ? 0 : WHOLE_PART));
	struct plait_error *error = fill_rows(&judge, PLAIT_COMPARE_FUNCTIONS);
	if (!error)
		error = fill_rows(&judge, PLAIT_COMPARE_LINES);
	if (!error)
		error = begin_reference(&judge) ? choose_tests(&judge) : plait_error_no_memory();
	if (!error)
		error = test_all(&judge);
	if (!error) {
		double reference[PLAIT_COMPARE_SIDES], whole[PLAIT_COMPARE_SIDES];
		take_results(&judge);
		error = judge_whole(&judge);
		reference_of(&judge, reference);
		whole_of(&judge, whole);
		comparison->reference = whole[1] > 0 ? reference[1] / whole[1] : 0;
		comparison->rules = judge.rules;
	}
	free(judge.outside);
	free(judge.reference);
	free(judge.reference_blocks);
	free(judge.leaves);
	free(judge.leaf_squares);
	plait_vec_free(&judge.units);
	free(judge.parts);
	plait_vec_free(&judge.tests);
	plait_map_release(&judge.likes);
	return error;
}
