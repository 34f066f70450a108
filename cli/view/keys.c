#include "cli/view/keys.h"

struct binding {
	uint32_t key;
	enum plait_action action;
};

static const struct binding bindings[] = {
	{ PLAIT_KEY_UP, PLAIT_ACTION_UP },
	{ 'k', PLAIT_ACTION_UP },
	{ PLAIT_KEY_CONTROL('P'), PLAIT_ACTION_UP },
	{ PLAIT_KEY_DOWN, PLAIT_ACTION_DOWN },
	{ 'j', PLAIT_ACTION_DOWN },
	{ PLAIT_KEY_CONTROL('N'), PLAIT_ACTION_DOWN },
	{ PLAIT_KEY_PAGE_UP, PLAIT_ACTION_PAGE_UP },
	{ 'b', PLAIT_ACTION_PAGE_UP },
	{ PLAIT_KEY_CONTROL('B'), PLAIT_ACTION_PAGE_UP },
	{ PLAIT_KEY_PAGE_DOWN, PLAIT_ACTION_PAGE_DOWN },
	{ ' ', PLAIT_ACTION_PAGE_DOWN },
	{ PLAIT_KEY_CONTROL('F'), PLAIT_ACTION_PAGE_DOWN },
	{ PLAIT_KEY_CONTROL('U'), PLAIT_ACTION_HALF_UP },
	{ PLAIT_KEY_CONTROL('D'), PLAIT_ACTION_HALF_DOWN },
	{ PLAIT_KEY_HOME, PLAIT_ACTION_FIRST },
	{ 'g', PLAIT_ACTION_FIRST },
	{ '<', PLAIT_ACTION_FIRST },
	{ PLAIT_KEY_END, PLAIT_ACTION_LAST },
	{ 'G', PLAIT_ACTION_LAST },
	{ '>', PLAIT_ACTION_LAST },
	{ PLAIT_KEY_RIGHT, PLAIT_ACTION_OPEN },
	{ 'l', PLAIT_ACTION_OPEN },
	{ '+', PLAIT_ACTION_OPEN },
	{ '=', PLAIT_ACTION_OPEN },
	{ PLAIT_KEY_LEFT, PLAIT_ACTION_CLOSE },
	{ '-', PLAIT_ACTION_CLOSE },
	{ PLAIT_KEY_ENTER, PLAIT_ACTION_ENTER },
	{ '\n', PLAIT_ACTION_ENTER },
	{ 'e', PLAIT_ACTION_TOGGLE_BELOW },
	{ 'E', PLAIT_ACTION_OPEN_ALL },
	{ 'C', PLAIT_ACTION_CLOSE_ALL },
	{ 'H', PLAIT_ACTION_HOT },
	{ 'u', PLAIT_ACTION_PARENT },
	{ '1', PLAIT_ACTION_TREE },
	{ '2', PLAIT_ACTION_CALLERS },
	{ '3', PLAIT_ACTION_FUNCTIONS },
	{ '4', PLAIT_ACTION_LINES },
	{ PLAIT_KEY_TAB, PLAIT_ACTION_NEXT_TAB },
	{ PLAIT_KEY_BACK_TAB, PLAIT_ACTION_PREVIOUS_TAB },
	{ 'S', PLAIT_ACTION_SORT },
	{ 'w', PLAIT_ACTION_WHERE },
	{ '/', PLAIT_ACTION_SEARCH },
	{ 'n', PLAIT_ACTION_NEXT },
	{ 'N', PLAIT_ACTION_PREVIOUS },
	{ 'f', PLAIT_ACTION_FILTER },
	{ 's', PLAIT_ACTION_EVENT },
	{ 't', PLAIT_ACTION_THREAD },
	{ 'p', PLAIT_ACTION_PROCESS },
	{ 'm', PLAIT_ACTION_FRAMES },
	{ 'L', PLAIT_ACTION_LIMIT },
	{ 'F', PLAIT_ACTION_FOLD },
	{ 'a', PLAIT_ACTION_ANNOTATE },
	{ 'o', PLAIT_ACTION_SCOPE },
	{ 'i', PLAIT_ACTION_INFO },
	{ '?', PLAIT_ACTION_HELP },
	{ 'h', PLAIT_ACTION_HELP },
	{ PLAIT_KEY_F1, PLAIT_ACTION_HELP },
	{ PLAIT_KEY_ESCAPE, PLAIT_ACTION_BACK },
	{ PLAIT_KEY_BACKSPACE, PLAIT_ACTION_BACK },
	{ 'q', PLAIT_ACTION_QUIT },
};

enum plait_action plait_key_action(uint32_t key)
{
	for (size_t i = 0; i < sizeof(bindings) / sizeof(bindings[0]); i++) {
		if (bindings[i].key == key)
			return bindings[i].action;
	}
	return PLAIT_ACTION_NONE;
}

const struct plait_key_help plait_key_helps[] = {
	{ NULL, "Move" },
	{ "Up Down, k j", "a row" },
	{ "PgUp PgDn, b Space", "a screen" },
	{ "Ctrl-U Ctrl-D", "half a screen" },
	{ "Home End, g G", "to the first, the last row" },
	{ "u", "to the row that this one is called from" },
	{ "H", "along the hottest path below; in an annotation to the hottest row, the next one, ..." },
	{ NULL, "Open and close" },
	{ "Right, + or l", "open a row up to the next fork; once more: what is folded or small in it" },
	{ "Left, -", "close a row, or go to the one above it" },
	{ "Enter", "open or close; where nothing is below: annotate" },
	{ "e", "open or close everything below a row" },
	{ "E C", "open, close everything" },
	{ "F", "show what is folded: native frames that only pass a call on, rounds of a recursion" },
	{ "L", "the share below which branches are cut (1 %)" },
	{ NULL, "What is shown" },
	{ "1 2 3 4, Tab", "call tree; callers of the hottest functions; functions; Python lines" },
	{ "w", "where the function is in the call tree (its dearest place); from there: its callers" },
	{ "S", "sort a table by own or by total cost" },
	{ "s", "another event" },
	{ "t p", "one thread, one process" },
	{ "f", "only stacks with a frame that matches (a part of a name, or a regular expression)" },
	{ "m", "native, Python or kernel frames; by thread; lines of a function together" },
	{ NULL, "Search" },
	{ "/ n N", "a name, a place or source text, also in what is closed; the next, the one before" },
	{ NULL, "Annotate" },
	{ "a", "the source of a Python function, the assembly of a native one, with costs" },
	{ "o", "there: the line, its function, the whole file" },
	{ "Enter", "there: the assembly of a native function in the list below the source" },
	{ NULL, "Other" },
	{ "i", "all that is known about the recording, with its notes" },
	{ "? h", "this help" },
	{ "Esc", "back" },
	{ "q", "back, or the end" },
	{ "Ctrl-C", "the end" },
};

const size_t plait_key_help_count = sizeof(plait_key_helps) / sizeof(plait_key_helps[0]);
