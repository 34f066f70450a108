#include "perf/unwind/file_rules.h"

#include <stdlib.h>

#include "perf/unwind/table.h"

struct plait_file_rules {
	const struct plait_unwind_arch *arch;
	struct plait_table *table;
	struct plait_image *image;
	PLAIT_VEC(struct plait_rule_rows) functions; /* decoded from their prologues */
	struct plait_map function_by_start;	     /* ELF virtual address -> index in `functions` */
};

struct plait_file_rules *plait_file_rules_create(const struct plait_unwind_arch *arch, const uint8_t *bytes,
						 size_t size)
{
	struct plait_file_rules *rules = calloc(1, sizeof(*rules));
	if (!rules)
		return NULL;
	rules->arch = arch;
	rules->table = plait_table_create(bytes, size);
	rules->image = plait_image_create(bytes, size);
	if (!rules->table || !rules->image) {
		plait_file_rules_destroy(rules);
		return NULL;
	}
	return rules;
}

void plait_file_rules_destroy(struct plait_file_rules *rules)
{
	if (!rules)
		return;
	plait_table_destroy(rules->table);
	plait_image_destroy(rules->image);
	for (size_t i = 0; i < rules->functions.count; i++)
		plait_vec_free(&rules->functions.data[i].rows);
	plait_vec_free(&rules->functions);
	plait_map_release(&rules->function_by_start);
	free(rules);
}

/* The rows of the function, decoded at first sight. NULL when memory ran out. */
static const struct plait_rule_rows *function_rows(struct plait_file_rules *rules, struct plait_rule_pool *pool,
						   const struct plait_function_code *code)
{
	const uint64_t *index = plait_map_get(&rules->function_by_start, code->start);
	if (index)
		return &rules->functions.data[*index];
	struct plait_rule_rows rows = { 0 };
	rules->arch->decode(code, pool, &rows); /* the rows that it managed are good */
	if (!plait_vec_push(&rules->functions, rows)) {
		plait_vec_free(&rows.rows);
		return NULL;
	}
	plait_map_put(&rules->function_by_start, code->start, rules->functions.count - 1);
	return &rules->functions.data[rules->functions.count - 1];
}

/* The rule of the last row at or below `address`. */
static uint32_t rule_at(const struct plait_rule_rows *rows, uint64_t address)
{
	size_t low = 0, high = rows->rows.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (rows->rows.data[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? rows->rows.data[low - 1].rule : PLAIT_RULE_NONE;
}

uint32_t plait_file_rules_find(struct plait_file_rules *rules, struct plait_rule_pool *pool, uint64_t address)
{
	struct plait_rule rule;
	if (plait_table_rule(rules->table, rules->arch, pool, address, &rule))
		return plait_rule_pool_add(pool, &rule);
	struct plait_function_code code;
	if (!plait_image_function(rules->image, address, &code))
		return PLAIT_RULE_NONE;
	const struct plait_rule_rows *rows = function_rows(rules, pool, &code);
	return rows ? rule_at(rows, address) : PLAIT_RULE_NONE;
}

const struct plait_image *plait_file_rules_image(const struct plait_file_rules *rules)
{
	return rules->image;
}
