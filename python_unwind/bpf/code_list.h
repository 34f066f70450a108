/*
 * The list of a chunk's frames whose code objects are to be sent: user space does not know them yet.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_CODE_LIST_H
#define PLAIT_PYTHON_UNWIND_BPF_CODE_LIST_H

#define NO_CODE 1 /* no address of a code object */

static inline void code_key(const struct scratch *s, const struct plait_wire_frame *frame, struct sampler_code_key *ret)
{
	ret->process = s->process;
	ret->code = frame->code;
	ret->fingerprint = frame->fingerprint;
}

/* The cache's place for a code object. */
static inline struct sampler_code_key *cache_slot(struct scratch *s, const struct sampler_code_key *key)
{
	return &s->cache[BOUNDED((key->code >> 5) ^ (key->code >> 13), CACHE_SLOTS - 1)];
}

static inline bool cache_has(const struct sampler_code_key *slot, const struct sampler_code_key *key, plait_u64 salt)
{
	return slot->code == key->code && slot->fingerprint == key->fingerprint && slot->process == key->process + salt;
}

static inline void cache_put(struct sampler_code_key *slot, const struct sampler_code_key *key, plait_u64 salt)
{
	slot->code = key->code;
	slot->fingerprint = key->fingerprint;
	slot->process = key->process + salt;
}

/* Is it known in user space, as far as that is possible? `*ret_tries` says how often it was sent incomplete. */
static inline bool is_seen(const struct sampler_code_key *key, plait_u32 *ret_tries)
{
	plait_u32 *value = bpf_map_lookup_elem(&seen, key);
	*ret_tries = value ? *value : 0;
	return *ret_tries >= SAMPLER_SEEN_TRIES;
}

/* Lists frame `at` of this chunk when its code object was not sent before. */
static inline void list_code(struct scratch *s, plait_u64 at, const struct plait_wire_frame *frame)
{
	if (frame->kind != PLAIT_PYTHON_FRAME || frame->code == s->listed) /* recursion is common */
		return;
	struct sampler_code_key key;
	plait_u32 tries;
	s->listed = frame->code;
	code_key(s, frame, &key);
	struct sampler_code_key *slot = cache_slot(s, &key);
	if (cache_has(slot, &key, s->salt))
		return;
	cache_put(slot, &key, s->salt);
	if (!is_seen(&key, &tries))
		s->unseen[BOUNDED(s->unseen_count++, FRAMES_MAX - 1)] = at;
}

/* The same of the frame at repeat->at, and goes on to the next. */
static inline bool list_next(struct repeat *repeat)
{
	struct scratch *s = repeat->scratch;
	plait_u64 at = repeat->at++;
	if (at >= repeat->limit)
		return false;
	list_code(s, at, &s->run.frames[BOUNDED(at, FRAMES_MAX - 1)]);
	return true;
}
DEFINE_REPEAT(list_next)

/* Lists the frames of the chunk whose code objects were not sent before; not what was listed before the walk started
 * over. */
static inline void list_codes(struct scratch *s, enum loop_kind loops)
{
	struct repeat repeat = { .scratch = s, .limit = s->walk.count - s->walk.flushed };
	s->unseen_count = 0;
	s->listed = NO_CODE;
	s->salt += s->relist;
	repeat_list_next(loops, loops == LOOP_BOUNDED ? FRAMES_BOUNDED : FRAMES_MAX, &repeat);
}

#endif
