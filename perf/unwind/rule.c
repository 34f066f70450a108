#include "perf/unwind/rule.h"

#include <dwarf.h>
#include <string.h>

bool plait_rule_add(struct plait_rule *rule, uint8_t target, enum plait_rule_kind kind, uint8_t source, int64_t value)
{
	if (rule->count == PLAIT_RULE_ENTRIES_MAX || value != (int32_t)value)
		return false;
	rule->entries[rule->count++] = (struct plait_rule_entry) {
		.target = target,
		.kind = kind,
		.source = source,
		.value = (int32_t)value,
	};
	return true;
}

void plait_rule_start(const struct plait_unwind_arch *arch, struct plait_rule *rule, uint8_t cfa_register,
		      int32_t cfa_offset)
{
	memset(rule, 0, sizeof(*rule));
	rule->flags = PLAIT_RULE_DERIVED | PLAIT_RULE_VERIFY;
	rule->cfa.kind = PLAIT_RULE_IS_REGISTER;
	rule->cfa.source = cfa_register;
	rule->cfa.value = cfa_offset;
	if (arch->return_from_cfa)
		plait_rule_add(rule, arch->return_address, PLAIT_RULE_AT_CFA, 0, arch->return_from_cfa);
}

const struct plait_rule_entry *plait_rule_find(const struct plait_rule *rule, uint8_t target)
{
	for (size_t i = 0; i < rule->count; i++) {
		if (rule->entries[i].target == target)
			return &rule->entries[i];
	}
	return NULL;
}

/* The bytes of a rule that are in use. */
static size_t rule_size(const struct plait_rule *rule)
{
	return offsetof(struct plait_rule, entries) + rule->count * sizeof(rule->entries[0]);
}

bool plait_rule_pool_init(struct plait_rule_pool *pool)
{
	*pool = (struct plait_rule_pool) { 0 };
	return plait_vec_push(&pool->rules, NULL); /* id 0 */
}

void plait_rule_pool_release(struct plait_rule_pool *pool)
{
	for (size_t i = 0; i < pool->rules.count; i++)
		free(pool->rules.data[i]);
	plait_vec_free(&pool->rules);
	plait_vec_free(&pool->expressions);
	plait_vec_free(&pool->ops);
	plait_map_release(&pool->by_hash);
}

uint32_t plait_rule_pool_add(struct plait_rule_pool *pool, const struct plait_rule *rule)
{
	size_t size = rule_size(rule);
	uint64_t hash = plait_hash_bytes(rule, size);
	/* Equal hashes of different rules: try the next key. */
	for (uint64_t *id; (id = plait_map_get(&pool->by_hash, hash)); hash++) {
		const struct plait_rule *other = pool->rules.data[*id];
		if (rule_size(other) == size && !memcmp(other, rule, size))
			return (uint32_t)*id;
	}
	/* Only the used part is kept: the entries beyond `count` are never read. */
	struct plait_rule *kept = malloc(size);
	uint32_t id = (uint32_t)pool->rules.count;
	if (!kept || !plait_vec_push(&pool->rules, kept)) {
		free(kept);
		return PLAIT_RULE_NONE;
	}
	memcpy(kept, rule, size);
	plait_map_put(&pool->by_hash, hash, id); /* without memory the rule is just not shared */
	return id;
}

/* Is `atom` in the subset that evaluate_op() knows? */
static bool in_subset(uint64_t atom)
{
	switch (atom) {
	case DW_OP_const1u ... DW_OP_rot:
	case DW_OP_abs ... DW_OP_plus_uconst:
	case DW_OP_shl ... DW_OP_xor:
	case DW_OP_eq ... DW_OP_ne:
	case DW_OP_lit0 ... DW_OP_lit31:
	case DW_OP_breg0 ... DW_OP_breg31:
	case DW_OP_bregx:
	case DW_OP_deref:
	case DW_OP_deref_size:
	case DW_OP_nop:
	case DW_OP_call_frame_cfa:
		return true;
	default:
		return false;
	}
}

int32_t plait_rule_pool_expression(struct plait_rule_pool *pool, const struct plait_expression_op *ops, size_t count)
{
	if (!count || count > PLAIT_EXPRESSION_OPS_MAX)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (!in_subset(ops[i].atom))
			return -1;
	}
	for (size_t i = 0; i < pool->expressions.count; i++) {
		struct plait_expression *old = &pool->expressions.data[i];
		if (old->count == count && !memcmp(pool->ops.data + old->first, ops, count * sizeof(*ops)))
			return (int32_t)i;
	}
	if (pool->expressions.count >= INT32_MAX || !plait_vec_reserve(&pool->ops, count))
		return -1;
	struct plait_expression expression = { .first = (uint32_t)pool->ops.count, .count = (uint32_t)count };
	if (!plait_vec_push(&pool->expressions, expression))
		return -1;
	memcpy(pool->ops.data + pool->ops.count, ops, count * sizeof(*ops));
	pool->ops.count += count;
	return (int32_t)pool->expressions.count - 1;
}

#define OPERANDS_MAX 32

/* The operand stack of one evaluation. `failed` sticks. */
struct operands {
	uint64_t value[OPERANDS_MAX];
	size_t count;
	bool failed;
};

static void push(struct operands *operands, uint64_t value)
{
	if (operands->count == OPERANDS_MAX)
		operands->failed = true;
	else
		operands->value[operands->count++] = value;
}

static uint64_t pop(struct operands *operands)
{
	if (operands->count)
		return operands->value[--operands->count];
	operands->failed = true;
	return 0;
}

/* The operand `depth` below the top. */
static uint64_t *peek(struct operands *operands, uint64_t depth)
{
	if (depth < operands->count)
		return &operands->value[operands->count - 1 - depth];
	operands->failed = true;
	return &operands->value[0];
}

static void push_register(struct operands *operands, const struct plait_registers *registers, uint64_t number,
			  uint64_t offset)
{
	if (number < PLAIT_REGISTER_COUNT && registers->valid >> number & 1)
		push(operands, registers->value[number] + offset);
	else
		operands->failed = true;
}

static void dereference(struct operands *operands, const struct plait_stack *stack, uint64_t size)
{
	uint64_t value;
	if (size < 1 || size > 8 || !plait_stack_u64(stack, pop(operands), &value))
		operands->failed = true;
	else
		push(operands, size == 8 ? value : value & ((1ULL << size * 8) - 1));
}

/* Operations that take two operands and leave one. */
static uint64_t binary(struct operands *operands, uint64_t atom, uint64_t left, uint64_t right)
{
	switch (atom) {
	case DW_OP_and:
		return left & right;
	case DW_OP_div:
		/* INT64_MIN / -1 overflows: let it fail, like a division by zero. */
		if (!right || ((int64_t)left == INT64_MIN && (int64_t)right == -1)) {
			operands->failed = true;
			return 0;
		}
		return (uint64_t)((int64_t)left / (int64_t)right);
	case DW_OP_minus:
		return left - right;
	case DW_OP_mod:
		operands->failed |= !right;
		return right ? left % right : 0;
	case DW_OP_mul:
		return left * right;
	case DW_OP_or:
		return left | right;
	case DW_OP_plus:
		return left + right;
	case DW_OP_shl:
		return right < 64 ? left << right : 0;
	case DW_OP_shr:
		return right < 64 ? left >> right : 0;
	case DW_OP_shra:
		return (uint64_t)((int64_t)left >> (right < 64 ? right : 63));
	case DW_OP_xor:
		return left ^ right;
	case DW_OP_eq:
		return left == right;
	case DW_OP_ge:
		return (int64_t)left >= (int64_t)right;
	case DW_OP_gt:
		return (int64_t)left > (int64_t)right;
	case DW_OP_le:
		return (int64_t)left <= (int64_t)right;
	case DW_OP_lt:
		return (int64_t)left < (int64_t)right;
	case DW_OP_ne:
		return left != right;
	default:
		operands->failed = true;
		return 0;
	}
}

/* Stack shuffles and operations on one operand; false when `atom` is none of them. */
static bool evaluate_shuffle(struct operands *operands, const struct plait_expression_op *op)
{
	switch (op->atom) {
	case DW_OP_dup:
		push(operands, *peek(operands, 0));
		return true;
	case DW_OP_drop:
		pop(operands);
		return true;
	case DW_OP_over:
		push(operands, *peek(operands, 1));
		return true;
	case DW_OP_pick:
		push(operands, *peek(operands, op->number));
		return true;
	case DW_OP_swap: {
		uint64_t *top = peek(operands, 0), *below = peek(operands, 1), value = *top;
		*top = *below;
		*below = value;
		return true;
	}
	case DW_OP_rot: {
		uint64_t *top = peek(operands, 0), *second = peek(operands, 1), *third = peek(operands, 2);
		uint64_t value = *top;
		*top = *second;
		*second = *third;
		*third = value;
		return true;
	}
	case DW_OP_abs:
		if ((int64_t)*peek(operands, 0) < 0)
			*peek(operands, 0) = -*peek(operands, 0);
		return true;
	case DW_OP_neg:
		*peek(operands, 0) = -*peek(operands, 0);
		return true;
	case DW_OP_not:
		*peek(operands, 0) = ~*peek(operands, 0);
		return true;
	case DW_OP_plus_uconst:
		*peek(operands, 0) += op->number;
		return true;
	case DW_OP_nop:
		return true;
	default:
		return false;
	}
}

static void evaluate_op(struct operands *operands, const struct plait_expression_op *op,
			const struct plait_registers *registers, const struct plait_stack *stack, const uint64_t *cfa)
{
	switch (op->atom) {
	case DW_OP_const1u ... DW_OP_consts: /* decoded to 64 bits already */
		push(operands, op->number);
		break;
	case DW_OP_lit0 ... DW_OP_lit31:
		push(operands, op->atom - DW_OP_lit0);
		break;
	case DW_OP_breg0 ... DW_OP_breg31:
		push_register(operands, registers, op->atom - DW_OP_breg0, op->number);
		break;
	case DW_OP_bregx:
		push_register(operands, registers, op->number, op->number2);
		break;
	case DW_OP_deref:
		dereference(operands, stack, 8);
		break;
	case DW_OP_deref_size:
		dereference(operands, stack, op->number);
		break;
	case DW_OP_call_frame_cfa:
		operands->failed |= !cfa;
		push(operands, cfa ? *cfa : 0);
		break;
	default:
		if (!evaluate_shuffle(operands, op)) {
			uint64_t right = pop(operands), left = pop(operands);
			push(operands, binary(operands, op->atom, left, right));
		}
	}
}

bool plait_expression_evaluate(const struct plait_rule_pool *pool, int32_t id, const struct plait_registers *registers,
			       const struct plait_stack *stack, const uint64_t *cfa, uint64_t *ret)
{
	if (id < 0 || (size_t)id >= pool->expressions.count)
		return false;
	struct operands operands = { .value = { 0 } };
	const struct plait_expression *expression = &pool->expressions.data[id];
	for (uint32_t i = 0; i < expression->count && !operands.failed; i++)
		evaluate_op(&operands, &pool->ops.data[expression->first + i], registers, stack, cfa);
	uint64_t value = pop(&operands);
	if (operands.failed)
		return false;
	*ret = value;
	return true;
}

static bool known(const struct plait_registers *registers, uint8_t number)
{
	return number < PLAIT_REGISTER_COUNT && registers->valid >> number & 1;
}

/* What came of computing one entry. */
enum entry_result { KNOWN, UNKNOWN, UNREADABLE };

/* Reads what an entry says is in memory; of an unreadable word *ret is the address. */
static enum entry_result read_word(const struct plait_stack *stack, uint64_t address, uint64_t *ret)
{
	if (plait_stack_u64(stack, address, ret))
		return KNOWN;
	*ret = address;
	return UNREADABLE;
}

/* One entry's value, other than the common PLAIT_RULE_AT_CFA. `cfa` is NULL in the CFA's own entry. */
static enum entry_result compute(const struct plait_rule_pool *pool, const struct plait_rule_entry *entry,
				 const struct plait_stack *stack, const struct plait_registers *registers,
				 const uint64_t *cfa, uint64_t *ret)
{
	*ret = 0;
	switch (entry->kind) {
	case PLAIT_RULE_IS_CFA:
		*ret = *cfa + (uint64_t)(int64_t)entry->value;
		return KNOWN;
	case PLAIT_RULE_AT_REGISTER:
	case PLAIT_RULE_IS_REGISTER:
		if (!known(registers, entry->source))
			return UNKNOWN;
		*ret = registers->value[entry->source] + (uint64_t)(int64_t)entry->value;
		return entry->kind == PLAIT_RULE_AT_REGISTER ? read_word(stack, *ret, ret) : KNOWN;
	case PLAIT_RULE_AT_EXPRESSION:
	case PLAIT_RULE_IS_EXPRESSION:
		if (!plait_expression_evaluate(pool, entry->value, registers, stack, cfa, ret))
			return UNKNOWN;
		return entry->kind == PLAIT_RULE_AT_EXPRESSION ? read_word(stack, *ret, ret) : KNOWN;
	default:
		return UNKNOWN;
	}
}

/* Compilers do not say when an epilogue pops a register: it stays "saved" at a place that is below the stack pointer by
 * then. No copy holds that place, and none is needed: the register has its value back. */
static bool popped(const struct plait_unwind_arch *arch, const struct plait_registers *registers, uint8_t target,
		   uint64_t place)
{
	return known(registers, arch->sp) && place < registers->value[arch->sp] && known(registers, target);
}

/* A frame record's place in its frame is known by where the rule finds the frame pointer's saved value: behind a frame
 * whose stack pointer is not known, this gives the CFA (AArch64, where compilers let x29 point to the record). */
static bool cfa_from_record(const struct plait_unwind_arch *arch, const struct plait_rule *rule,
			    const struct plait_registers *registers, uint64_t *ret)
{
	const struct plait_rule_entry *fp = plait_rule_find(rule, arch->fp);
	const struct plait_rule_entry *link = plait_rule_find(rule, arch->return_address);
	if (known(registers, arch->sp) || !known(registers, arch->fp) || !fp || !link ||
	    fp->kind != PLAIT_RULE_AT_CFA || link->kind != PLAIT_RULE_AT_CFA || link->value != fp->value + 8)
		return false;
	*ret = registers->value[arch->fp] - (uint64_t)(int64_t)fp->value;
	return true;
}

/* The register from whose entry the caller's pc comes: a signal frame has both, pc and the return address column. */
static uint8_t pc_source(const struct plait_unwind_arch *arch, const struct plait_rule *rule)
{
	bool has_pc =
		arch->pc != arch->return_address && rule->flags & PLAIT_RULE_SIGNAL && plait_rule_find(rule, arch->pc);
	return has_pc ? arch->pc : arch->return_address;
}

/* Without a return address there is no step. */
static enum plait_rule_result no_return(const struct plait_rule_entry *entry, enum entry_result result)
{
	if (entry->kind == PLAIT_RULE_UNDEFINED)
		return PLAIT_RULE_OUTERMOST;
	return result == UNREADABLE ? PLAIT_RULE_UNREADABLE : PLAIT_RULE_FAILED;
}

enum plait_rule_result plait_rule_evaluate(const struct plait_unwind_arch *arch, const struct plait_rule_pool *pool,
					   const struct plait_rule *rule, const struct plait_stack *stack,
					   const struct plait_registers *registers, struct plait_rule_outcome *ret)
{
	uint64_t cfa;
	enum entry_result result = compute(pool, &rule->cfa, stack, registers, NULL, &cfa);
	if (result == UNKNOWN && cfa_from_record(arch, rule, registers, &cfa))
		result = KNOWN;
	ret->cfa = result == KNOWN ? cfa : 0;
	ret->fault = cfa;
	if (result != KNOWN)
		return result == UNREADABLE ? PLAIT_RULE_UNREADABLE : PLAIT_RULE_FAILED;
	uint8_t source = pc_source(arch, rule);
	bool has_pc = known(registers, arch->return_address);
	ret->pc = registers->value[arch->return_address];
	ret->known = 0;
	for (size_t i = 0; i < rule->count; i++) {
		const struct plait_rule_entry *entry = &rule->entries[i];
		bool is_return = entry->target == source;
		if (entry->kind == PLAIT_RULE_AT_CFA)
			result = read_word(stack, cfa + (uint64_t)(int64_t)entry->value, &ret->value[i]);
		else
			result = compute(pool, entry, stack, registers, &cfa, &ret->value[i]);
		if (is_return && result != KNOWN) {
			ret->fault = ret->value[i];
			return no_return(entry, result);
		}
		if (result == UNREADABLE && popped(arch, registers, entry->target, ret->value[i])) {
			ret->value[i] = registers->value[entry->target];
			result = KNOWN;
		}
		ret->known |= (uint64_t)(result == KNOWN) << i;
		if (is_return) {
			ret->pc = ret->value[i];
			has_pc = true;
		}
	}
	ret->pc &= arch->code_mask;
	return has_pc ? PLAIT_RULE_STEPPED : PLAIT_RULE_FAILED;
}

void plait_rule_apply(const struct plait_unwind_arch *arch, const struct plait_rule *rule,
		      const struct plait_rule_outcome *outcome, struct plait_registers *registers)
{
	registers->valid &= arch->callee_saved;
	registers->valid |= 1ULL << arch->sp | 1ULL << arch->pc;
	registers->value[arch->sp] = outcome->cfa;
	for (size_t i = 0; i < rule->count; i++) {
		uint8_t target = rule->entries[i].target;
		registers->valid &= ~(1ULL << target);
		registers->valid |= (outcome->known >> i & 1) << target;
		registers->value[target] = outcome->value[i];
	}
	registers->value[arch->pc] = outcome->pc;
	registers->valid |= 1ULL << arch->pc;
	if (!(rule->flags & PLAIT_RULE_SIGNAL))
		registers->valid &= ~plait_unwind_arch_link(arch);
	if (rule->flags & PLAIT_RULE_BOUND)
		registers->valid &= ~(1ULL << arch->sp);
}
