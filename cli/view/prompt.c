/* What the user writes: a search, a filter, a share. */
#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "cli/view/parts.h"
#include "common/cleanup.h"
#include "output/render/text_label.h"

void plait_prompt_show(struct plait_view *view, enum plait_prompt_kind kind)
{
	struct plait_prompt *prompt = &view->prompt;
	*prompt = (struct plait_prompt) { .kind = kind };
	if (kind == PLAIT_PROMPT_FILTER && view->options.pattern_count == 1)
		snprintf(prompt->text, sizeof(prompt->text), "%s", view->options.patterns[0]);
	if (kind == PLAIT_PROMPT_LIMIT)
		snprintf(prompt->text, sizeof(prompt->text), "%g", view->threshold);
}

/* Whether anything that a row shows of a label matches: its name, its place, its source line. */
static bool matches_label(const struct plait_view *view, const struct plait_label *label, const regex_t *regex)
{
	char place[PLAIT_PLACE_SIZE];
	if (regexec(regex, label->name, 0, NULL, 0) == 0 ||
	    regexec(regex, plait_label_place(label, place), 0, NULL, 0) == 0)
		return true;
	const char *source = plait_label_source(label, &view->render);
	return source && regexec(regex, source, 0, NULL, 0) == 0;
}

/* Small letters alone match large ones, too. */
static struct plait_error *search(struct plait_view *view, const char *text)
{
	regex_t regex;
	bool capital = false;
	for (const char *at = text; *at; at++)
		capital = capital || isupper((unsigned char)*at);
	int result = regcomp(&regex, text, REG_EXTENDED | REG_NOSUB | (capital ? 0 : REG_ICASE));
	if (result != 0) {
		char why[96];
		regerror(result, &regex, why, sizeof(why));
		plait_view_say(view, "cannot search for '%.100s': %s", text, why);
		return NULL;
	}
	bool *matches = calloc(view->profile->labels.all.count + 1, sizeof(*matches));
	if (!matches) {
		regfree(&regex);
		return plait_error_no_memory();
	}
	bool any = false;
	for (size_t i = 0; i < view->profile->labels.all.count; i++) {
		matches[i] = matches_label(view, &view->profile->labels.all.data[i], &regex);
		any = any || matches[i];
	}
	regfree(&regex);
	free(view->matches);
	view->matches = matches;
	snprintf(view->searched, sizeof(view->searched), "%s", text);
	if (view->pane.kind != PLAIT_PANE_NONE)
		return plait_pane_search(view, true);
	if (!any) {
		plait_view_say(view, "nothing in the recording matches '%.200s'", text);
		return NULL;
	}
	return plait_tab_search(view, true);
}

static struct plait_error *filter(struct plait_view *view, const char *text)
{
	struct plait_view_options options = view->options;
	char before[PLAIT_PROMPT_SIZE];
	memcpy(before, view->filter, sizeof(before));
	snprintf(view->filter, sizeof(view->filter), "%s", text);
	view->filter_list = view->filter;
	options.patterns = &view->filter_list;
	options.pattern_count = *text ? 1 : 0;
	PLAIT_TRY(plait_view_apply(view, &options));
	if (*view->message) /* it was refused */
		memcpy(view->filter, before, sizeof(before));
	return NULL;
}

/* "2", "0.5", "0,5 %": as users of any locale write it. */
static bool parse_percent(const char *text, double *ret)
{
	char *end;
	double whole = (double)strtoul(text, &end, 10), part = 0;
	if (end == text || !isdigit((unsigned char)*text))
		return false;
	if (*end == '.' || *end == ',')
		for (double unit = 0.1; isdigit((unsigned char)*++end); unit /= 10)
			part += (*end - '0') * unit;
	*ret = whole + part;
	return !end[strspn(end, " %")] && *ret <= 100;
}

static struct plait_error *limit(struct plait_view *view, const char *text)
{
	double percent;
	if (!parse_percent(text, &percent)) {
		plait_view_say(view, "'%.40s' is no percentage: 0 to 100", text);
		return NULL;
	}
	view->threshold = view->render.threshold = percent;
	return plait_tab_cut(view);
}

static struct plait_error *finish(struct plait_view *view)
{
	struct plait_prompt prompt = view->prompt;
	view->prompt.kind = PLAIT_PROMPT_NONE;
	if (prompt.kind == PLAIT_PROMPT_FILTER)
		return filter(view, prompt.text);
	if (prompt.kind == PLAIT_PROMPT_LIMIT)
		return limit(view, prompt.text);
	if (*prompt.text)
		return search(view, prompt.text);
	if (*view->searched && view->matches)
		return view->pane.kind != PLAIT_PANE_NONE ? plait_pane_search(view, true)
							  : plait_tab_search(view, true);
	return NULL;
}

static void erase_last(char *text)
{
	size_t size = strlen(text);
	while (size && ((unsigned char)text[size - 1] & 0xc0) == 0x80)
		size--;
	text[size ? size - 1 : 0] = '\0';
}

/* Appends a character as UTF-8, when there is room. */
static void append(char *text, uint32_t point)
{
	size_t size = strlen(text);
	if (size + 5 > PLAIT_PROMPT_SIZE)
		return;
	unsigned char *to = (unsigned char *)text + size;
	if (point < 0x80) {
		*to++ = (unsigned char)point;
	} else if (point < 0x800) {
		*to++ = (unsigned char)(0xc0 | point >> 6);
		*to++ = (unsigned char)(0x80 | (point & 0x3f));
	} else if (point < 0x10000) {
		*to++ = (unsigned char)(0xe0 | point >> 12);
		*to++ = (unsigned char)(0x80 | (point >> 6 & 0x3f));
		*to++ = (unsigned char)(0x80 | (point & 0x3f));
	} else {
		*to++ = (unsigned char)(0xf0 | point >> 18);
		*to++ = (unsigned char)(0x80 | (point >> 12 & 0x3f));
		*to++ = (unsigned char)(0x80 | (point >> 6 & 0x3f));
		*to++ = (unsigned char)(0x80 | (point & 0x3f));
	}
	*to = '\0';
}

struct plait_error *plait_prompt_key(struct plait_view *view, uint32_t key)
{
	struct plait_prompt *prompt = &view->prompt;
	bool empty = !*prompt->text;
	if (key == PLAIT_KEY_ENTER || key == '\n')
		return finish(view);
	if (key == PLAIT_KEY_ESCAPE || (key == PLAIT_KEY_BACKSPACE && empty))
		prompt->kind = PLAIT_PROMPT_NONE;
	else if (key == PLAIT_KEY_BACKSPACE || key == PLAIT_KEY_DELETE)
		erase_last(prompt->text);
	else if (key == PLAIT_KEY_CONTROL('U'))
		prompt->text[0] = '\0';
	else if (key >= ' ' && key < PLAIT_KEY_UP)
		append(prompt->text, key);
	return NULL;
}
