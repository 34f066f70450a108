#include "perf/unwind/simple_rule.h"

/* A word at CFA + value lies below the CFA, as a whole, and near enough. */
static bool is_near(const struct plait_rule_entry *entry)
{
	return entry->kind == PLAIT_RULE_AT_CFA && entry->value <= -(int32_t)sizeof(uint64_t) &&
	       entry->value >= INT16_MIN;
}

struct plait_simple_rule plait_simple_rule_make(const struct plait_unwind_arch *arch, const struct plait_rule *rule)
{
	struct plait_simple_rule simple = { .cfa_source = rule->cfa.source, .cfa_offset = rule->cfa.value };
	uint64_t restored = 0;
	/* Only what a step is sure of: a derived rule is checked, and a signal's caller was interrupted. */
	if (rule->flags || rule->cfa.kind != PLAIT_RULE_IS_REGISTER || rule->count > PLAIT_SIMPLE_ENTRIES_MAX ||
	    rule->cfa.source >= PLAIT_REGISTER_COUNT)
		return simple;
	for (size_t i = 0; i < rule->count; i++) {
		const struct plait_rule_entry *entry = &rule->entries[i];
		bool is_pc = entry->target == arch->pc && arch->pc != arch->return_address;
		if (!is_near(entry) || entry->target >= PLAIT_REGISTER_COUNT || entry->target == arch->sp || is_pc ||
		    restored >> entry->target & 1)
			return simple;
		restored |= 1ULL << entry->target;
		if (entry->value < simple.lowest)
			simple.lowest = (int16_t)entry->value;
		if (entry->target == arch->return_address)
			simple.return_offset = (int16_t)entry->value;
		simple.offset[simple.count] = (int16_t)entry->value;
		simple.target[simple.count++] = entry->target;
	}
	if (restored >> arch->return_address & 1)
		simple.restored = restored;
	return simple;
}

void plait_simple_rules_extend(struct plait_simple_rules *simple, const struct plait_unwind_arch *arch,
			       const struct plait_rule_pool *pool, uint32_t id)
{
	while (simple->rules.count <= id) {
		const struct plait_rule *rule = plait_rule_pool_get(pool, (uint32_t)simple->rules.count);
		struct plait_simple_rule made =
			rule ? plait_simple_rule_make(arch, rule) : (struct plait_simple_rule) { 0 };
		if (!plait_vec_push(&simple->rules, made))
			return;
	}
}

void plait_simple_rules_release(struct plait_simple_rules *simple)
{
	plait_vec_free(&simple->rules);
}
