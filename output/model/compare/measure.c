#include "output/model/compare/measure.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

static size_t rows_of(const struct plait_measure *measure, enum plait_table_kind table)
{
	return table == PLAIT_COMPARE_FUNCTIONS ? measure->match.functions.count : measure->match.lines.count;
}

struct plait_measure_value *plait_measure_value_of(const struct plait_measure *measure, enum plait_table_kind table,
						   uint32_t row, int figure, size_t input)
{
	size_t index = ((size_t)row * PLAIT_MEASURE_FIGURES + (size_t)figure) * measure->count + input;
	return &measure->values[table][index];
}

static void sum_add(struct plait_measure_sum *sum, const struct plait_measure_sum *more)
{
	sum->weight += more->weight;
	sum->squares += more->squares;
	sum->samples += more->samples;
}

/* A recording while it is read. */
struct reading {
	struct plait_measure_input *input;
	struct plait_map cell_of; /* node and block -> index + 1 */
	uint64_t expected, seen;
};

static struct plait_error *take(void *context, const struct plait_timed_sample *sample)
{
	struct reading *reading = context;
	struct plait_measure_input *input = reading->input;
	uint64_t at = reading->seen < reading->expected ? reading->seen : reading->expected - 1;
	uint32_t block = (uint32_t)((unsigned __int128)at * PLAIT_COMPARE_BLOCKS / reading->expected);
	uint64_t key = (uint64_t)sample->node * PLAIT_COMPARE_BLOCKS + block;
	uint64_t *known = plait_map_get(&reading->cell_of, key);
	size_t index = known ? *known : input->cells.count;
	if (!known &&
	    (!plait_map_put(&reading->cell_of, key, index) ||
	     !plait_vec_push(&input->cells, (struct plait_measure_cell) { .node = sample->node, .block = block })))
		return plait_error_no_memory();
	double weight = (double)sample->weight;
	struct plait_measure_sum one = { weight, weight * weight, 1 };
	sum_add(&input->cells.data[index].sum, &one);
	sum_add(&input->whole, &one);
	input->blocks[block] += weight;
	reading->seen++;
	return NULL;
}

static int compare_cells(const void *a, const void *b)
{
	const struct plait_measure_cell *left = a, *right = b;
	if (left->node != right->node)
		return left->node < right->node ? -1 : 1;
	return left->block < right->block ? -1 : 1;
}

/* Whether the kernel enters an interrupt here: of x86 and of arm64. */
static bool is_interrupt(const struct plait_label *label)
{
	static const char *const entries[] = { "asm_sysvec_", "asm_common_interrupt", "el0t_64_irq", "el1h_64_irq" };
	for (size_t i = 0; label->kind == PLAIT_LABEL_KERNEL && i < sizeof(entries) / sizeof(entries[0]); i++) {
		if (strncmp(label->name, entries[i], strlen(entries[i])) == 0)
			return true;
	}
	return false;
}

static bool find_interrupts(struct plait_measure_input *input)
{
	const struct plait_calltree *tree = input->timeline->tree;
	input->interrupt = calloc(tree->nodes.count, sizeof(*input->interrupt));
	for (uint32_t i = 1; input->interrupt && i < tree->nodes.count; i++) /* parents come first */
		input->interrupt[i] =
			input->interrupt[tree->nodes.data[i].parent] || is_interrupt(plait_calltree_label(tree, i));
	return input->interrupt != NULL;
}

static bool find_units(const uint32_t *function_of, struct plait_measure_input *input)
{
	const struct plait_calltree *tree = input->timeline->tree;
	bool *python PLAIT_FREE = calloc(tree->nodes.count, sizeof(*python));
	input->unit = calloc(tree->nodes.count, sizeof(*input->unit));
	for (uint32_t i = 1; python && input->unit && i < tree->nodes.count; i++) { /* parents come first */
		uint32_t parent = tree->nodes.data[i].parent, label = tree->nodes.data[i].label;
		bool own = plait_calltree_label(tree, i)->kind == PLAIT_LABEL_PYTHON;
		python[i] = own || python[parent];
		input->unit[i] = own || !python[parent] ? function_of[label] : input->unit[parent];
	}
	return python && input->unit;
}

static struct plait_error *read_input(const struct plait_compare_input *from, const struct plait_view_options *view,
				      const uint32_t *function_of, struct plait_measure_input *input)
{
	PLAIT_TRY(plait_timeline_create(from->profile, view, from->feed, &input->timeline));
	struct reading reading = { .input = input };
	if (!find_interrupts(input) || !find_units(function_of, input))
		return plait_error_no_memory();
	for (size_t i = 0; i < input->timeline->lanes.count; i++)
		reading.expected += input->timeline->lanes.data[i].samples;
	if (!reading.expected)
		return NULL;
	struct plait_error *error = plait_timeline_read(input->timeline, take, &reading);
	plait_map_release(&reading.cell_of);
	if (!error && input->cells.count)
		qsort(input->cells.data, input->cells.count, sizeof(*input->cells.data), compare_cells);
	return error;
}

/* A walk from a stack's innermost frame outwards, that meets each row once. */
struct walk {
	const struct plait_measure *measure;
	size_t input;
	uint64_t *met[PLAIT_COMPARE_TABLES]; /* by row: the number of the walk that met it last */
	uint64_t number;
};

static bool walk_begin(struct walk *walk, const struct plait_measure *measure)
{
	walk->measure = measure;
	walk->number = 0;
	for (int i = 0; i < PLAIT_COMPARE_TABLES; i++)
		walk->met[i] = calloc(rows_of(measure, (enum plait_table_kind)i) + 1, sizeof(*walk->met[i]));
	return walk->met[0] && walk->met[1];
}

static void walk_end(struct walk *walk)
{
	free(walk->met[0]);
	free(walk->met[1]);
}

typedef bool (*visit)(void *context, struct plait_measure_value *value, const struct plait_measure_cell *cell);

/* Shows `cell` to every value that its samples count in, until `visit` says no. */
static bool walk_cell(struct walk *walk, const struct plait_measure_cell *cell, visit visit, void *context)
{
	const struct plait_measure *measure = walk->measure;
	const struct plait_calltree *tree = measure->inputs[walk->input].timeline->tree;
	const uint32_t *rows[PLAIT_COMPARE_TABLES] = { measure->match.function_of[walk->input],
						       measure->match.line_of[walk->input] };
	bool own[PLAIT_COMPARE_TABLES] = { true, true }, more = true;
	walk->number++;
	for (uint32_t node = cell->node; node && more; node = tree->nodes.data[node].parent) {
		for (int i = 0; i < PLAIT_COMPARE_TABLES; i++) {
			uint32_t row = rows[i][tree->nodes.data[node].label];
			if (row == PLAIT_NONE)
				continue;
			struct plait_measure_value *value = plait_measure_value_of(measure, (enum plait_table_kind)i,
										   row, PLAIT_COMPARE_OWN, walk->input);
			if (own[i])
				more = more && visit(context, value, cell);
			own[i] = false;
			if (walk->met[i][row] != walk->number)
				more = more && visit(context, value + measure->count, cell); /* the total's */
			walk->met[i][row] = walk->number;
		}
	}
	return more && visit(context,
			     plait_measure_value_of(measure, PLAIT_COMPARE_FUNCTIONS,
						    measure->inputs[walk->input].unit[cell->node], PLAIT_MEASURE_UNIT,
						    walk->input),
			     cell);
}

static bool visit_sum(void *context, struct plait_measure_value *value, const struct plait_measure_cell *cell)
{
	const struct walk *walk = context;
	sum_add(&value->sum, &cell->sum);
	if (walk->measure->inputs[walk->input].interrupt[cell->node])
		value->interrupted += cell->sum.weight;
	return true;
}

bool plait_measure_is_kernel(const struct plait_measure *measure, uint32_t function)
{
	return measure->match.functions.data[function].label->kind == PLAIT_LABEL_KERNEL;
}

/* What visit_blocks() needs: where the samples of a row fell. */
struct leaves {
	struct walk walk;
	PLAIT_VEC(double) weights;
	struct plait_map index; /* value and function -> index in weights */
};

static bool visit_blocks(void *context, struct plait_measure_value *value, const struct plait_measure_cell *cell)
{
	struct leaves *leaves = context;
	const struct plait_measure *measure = leaves->walk.measure;
	if (!value->blocks)
		return true;
	value->blocks[cell->block] += cell->sum.weight;
	const struct plait_calltree *tree = measure->inputs[leaves->walk.input].timeline->tree;
	uint32_t leaf = measure->match.function_of[leaves->walk.input][tree->nodes.data[cell->node].label];
	uint64_t number = (uint64_t)(value->blocks - measure->block_store) / PLAIT_COMPARE_BLOCKS;
	bool kernel = plait_measure_is_kernel(measure, leaf);
	uint64_t key = number << 32 | (kernel ? PLAIT_NONE : leaf);
	uint64_t *known = plait_map_get(&leaves->index, key);
	if (!known &&
	    (!plait_map_put(&leaves->index, key, leaves->weights.count) || !plait_vec_push(&leaves->weights, 0)))
		return false;
	double *weight = &leaves->weights.data[known ? *known : leaves->weights.count - 1];
	double before = *weight;
	*weight += cell->sum.weight * (kernel ? PLAIT_MEASURE_KERNEL_NOISE : 1);
	value->leaf_squares += *weight * *weight - before * before;
	return true;
}

static bool visit_shared(void *context, struct plait_measure_value *value, const struct plait_measure_cell *cell)
{
	const bool *inside = context;
	value->shared_squares += *inside ? cell->sum.squares : 0;
	return true;
}

/* Shows every cell of every input to `visit`. `walk` is a part of `context`, which is given to it. */
static struct plait_error *walk_all(const struct plait_measure *measure, struct walk *walk, visit visit, void *context)
{
	bool more = walk_begin(walk, measure);
	for (walk->input = 0; more && walk->input < measure->count; walk->input++) {
		const struct plait_measure_input *input = &measure->inputs[walk->input];
		for (size_t i = 0; more && i < input->cells.count; i++)
			more = walk_cell(walk, &input->cells.data[i], visit, context);
	}
	walk_end(walk);
	return more ? NULL : plait_error_no_memory();
}

struct plait_error *plait_measure_create(const struct plait_compare_input *inputs, size_t base_count, size_t count,
					 const struct plait_view_options *view, struct plait_measure *ret)
{
	*ret = (struct plait_measure) { .count = count };
	ret->inputs = calloc(count, sizeof(*ret->inputs));
	if (!ret->inputs)
		return plait_error_no_memory();
	PLAIT_TRY(plait_match_create(inputs, base_count, count, &ret->match));
	for (int i = 0; i < PLAIT_COMPARE_TABLES; i++) {
		size_t values = (rows_of(ret, (enum plait_table_kind)i) + 1) * PLAIT_MEASURE_FIGURES * count;
		ret->values[i] = calloc(values, sizeof(*ret->values[i]));
		if (!ret->values[i])
			return plait_error_no_memory();
	}
	for (size_t i = 0; i < count; i++) {
		struct plait_error *error = read_input(&inputs[i], view, ret->match.function_of[i], &ret->inputs[i]);
		if (error)
			return count > 1 ? plait_error_context(error, "%s", inputs[i].path) : error;
	}
	struct walk walk;
	return walk_all(ret, &walk, visit_sum, &walk);
}

void plait_measure_release(struct plait_measure *measure)
{
	for (size_t i = 0; measure->inputs && i < measure->count; i++) {
		plait_timeline_destroy(measure->inputs[i].timeline);
		plait_vec_free(&measure->inputs[i].cells);
		free(measure->inputs[i].interrupt);
		free(measure->inputs[i].unit);
	}
	free(measure->inputs);
	free(measure->values[0]);
	free(measure->values[1]);
	free(measure->block_store);
	plait_match_release(&measure->match);
	*measure = (struct plait_measure) { 0 };
}

struct plait_error *plait_measure_blocks(struct plait_measure *measure, const bool *wanted[PLAIT_COMPARE_TABLES])
{
	size_t values = 0;
	for (int i = 0; i < PLAIT_COMPARE_TABLES; i++) {
		for (size_t j = 0; j < rows_of(measure, (enum plait_table_kind)i); j++)
			values += wanted[i][j] ? PLAIT_MEASURE_FIGURES * measure->count : 0;
	}
	measure->block_store = calloc(values * PLAIT_COMPARE_BLOCKS + 1, sizeof(*measure->block_store));
	if (!measure->block_store)
		return plait_error_no_memory();
	double *next = measure->block_store;
	for (int i = 0; i < PLAIT_COMPARE_TABLES; i++) {
		size_t row_values = PLAIT_MEASURE_FIGURES * measure->count;
		for (size_t j = 0; j < rows_of(measure, (enum plait_table_kind)i) * row_values; j++) {
			if (!wanted[i][j / row_values])
				continue;
			measure->values[i][j].blocks = next;
			next += PLAIT_COMPARE_BLOCKS;
		}
	}
	struct leaves leaves = { 0 };
	struct plait_error *error = walk_all(measure, &leaves.walk, visit_blocks, &leaves);
	plait_vec_free(&leaves.weights);
	plait_map_release(&leaves.index);
	return error;
}

struct plait_error *plait_measure_share(struct plait_measure *measure, const bool *outside)
{
	struct walk walk;
	struct plait_error *error = walk_begin(&walk, measure) ? NULL : plait_error_no_memory();
	for (walk.input = 0; !error && walk.input < measure->count; walk.input++) {
		const struct plait_measure_input *input = &measure->inputs[walk.input];
		for (size_t i = 0; i < input->cells.count; i++) {
			const struct plait_measure_cell *cell = &input->cells.data[i];
			bool inside = !outside[input->unit[cell->node]];
			(void)walk_cell(&walk, cell, visit_shared, &inside); /* never says no */
		}
	}
	walk_end(&walk);
	return error;
}
