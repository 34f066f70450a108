#define NCURSES_WIDECHAR 1
#include "cli/view/screen.h"

#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

enum { ESCAPE_MS = 50, RESTORE_SIZE = 256, STACK_SIZE = 65536 };

static struct {
	SCREEN *screen;
	bool color;
	sigset_t outside; /* the signals that were blocked before */
	struct termios before;
	char restore[RESTORE_SIZE]; /* what puts the terminal back, for a crash */
	size_t restore_size;
} state;

/* Handlers write these, and nothing else. */
static volatile sig_atomic_t wanted_end, wanted_stop, resized;

static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
static const int crashes[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL };
static struct sigaction ends_before[sizeof(ends) / sizeof(ends[0])], stop_before, size_before, crashes_before[5];

static void note_signal(int number)
{
	if (number == SIGWINCH)
		resized = 1;
	else if (number == SIGTSTP)
		wanted_stop = 1;
	else
		wanted_end = number;
}

/* A crash: only what is allowed in a handler. */
static void restore_and_die(int number)
{
	ssize_t written = write(STDOUT_FILENO, state.restore, state.restore_size);
	(void)written;
	tcsetattr(STDIN_FILENO, TCSANOW, &state.before);
	signal(number, SIG_DFL);
	raise(number);
}

static void install(void)
{
	struct sigaction action = { .sa_handler = note_signal }, crash = { .sa_handler = restore_and_die };
	static char stack[STACK_SIZE]; /* a crash may be that of the stack */
	sigset_t held;
	sigaltstack(&(stack_t) { .ss_sp = stack, .ss_size = sizeof(stack) }, NULL);
	crash.sa_flags = SA_ONSTACK | SA_NODEFER | (int)SA_RESETHAND;
	sigemptyset(&held);
	sigaddset(&held, SIGTSTP);
	sigaddset(&held, SIGWINCH);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		sigaction(ends[i], NULL, &ends_before[i]);
		if (ends_before[i].sa_handler != SIG_IGN) /* nohup keeps its meaning */
			sigaction(ends[i], &action, NULL);
		sigaddset(&held, ends[i]);
	}
	sigaction(SIGTSTP, &action, &stop_before);
	sigaction(SIGWINCH, &action, &size_before);
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		sigaction(crashes[i], &crash, &crashes_before[i]);
	/* delivered only while waiting for a key */
	sigprocmask(SIG_BLOCK, &held, &state.outside);
}

static void uninstall(void)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigaction(ends[i], &ends_before[i], NULL);
	sigaction(SIGTSTP, &stop_before, NULL);
	sigaction(SIGWINCH, &size_before, NULL);
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		sigaction(crashes[i], &crashes_before[i], NULL);
	sigprocmask(SIG_SETMASK, &state.outside, NULL);
}

/* ---- opening and closing ---- */

static struct plait_error *unfit(const char *why, const char *name)
{
	return plait_error_advise(plait_error_new(PLAIT_ERROR_UNSUPPORTED, why, name),
				  "plait report prints the same for files, pipes and simple terminals");
}

struct plait_error *plait_screen_check(void)
{
	const char *term = getenv("TERM");
	int found;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return unfit("plait view needs a terminal, and %s is none",
			     isatty(STDIN_FILENO) ? "standard output" : "standard input");
	if (!term || !*term)
		return unfit("plait view cannot draw on this terminal: TERM is not set%s", "");
	if (setupterm(NULL, STDOUT_FILENO, &found) != OK)
		return unfit(found == 1 ? "plait view cannot draw on a terminal of type '%s'"
					: "terminals of type '%s' (TERM) are not known on this host",
			     term);
	bool draws = cursor_address && *cursor_address;
	del_curterm(cur_term);
	return draws ? NULL : unfit("plait view cannot draw on a terminal of type '%s' (TERM)", term);
}

static int collect_byte(int byte)
{
	if (state.restore_size < RESTORE_SIZE)
		state.restore[state.restore_size++] = (char)byte;
	return byte;
}

/* Keeps what endwin() would write. */
static void prepare_restoring(void)
{
	const char *const texts[] = { exit_attribute_mode, keypad_local, exit_ca_mode, cursor_normal, "\r\n" };
	state.restore_size = 0;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i])
			tputs(texts[i], 1, collect_byte);
	}
}

/* The colours of line.h, as pairs of curses. */
enum { GREEN = 1, CYAN, MAGENTA, YELLOW };

static void set_colors(bool color)
{
	state.color = color && has_colors() && start_color() == OK;
	if (!state.color)
		return;
	short back = use_default_colors() == OK ? -1 : COLOR_BLACK;
	init_pair(GREEN, COLOR_GREEN, back);
	init_pair(CYAN, COLOR_CYAN, back);
	init_pair(MAGENTA, COLOR_MAGENTA, back);
	init_pair(YELLOW, COLOR_YELLOW, back);
}

struct plait_error *plait_screen_open(bool color)
{
	tcgetattr(STDIN_FILENO, &state.before);
	use_tioctl(TRUE);
	state.screen = newterm(NULL, stdout, stdin);
	if (!state.screen)
		return unfit("plait view cannot draw on a terminal of type '%s' (TERM)", getenv("TERM"));
	prepare_restoring();
	install();
	set_colors(color);
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	set_escdelay(ESCAPE_MS);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	return NULL;
}

void plait_screen_close(void)
{
	if (!state.screen)
		return;
	curs_set(1);
	endwin();
	uninstall();
	delscreen(state.screen);
	state.screen = NULL;
}

void plait_screen_die(void)
{
	if (!wanted_end)
		return;
	signal(wanted_end, SIG_DFL);
	raise(wanted_end);
}

void plait_screen_size(uint32_t *ret_rows, uint32_t *ret_columns)
{
	*ret_rows = (uint32_t)getmaxy(stdscr);
	*ret_columns = (uint32_t)getmaxx(stdscr);
}

/* ---- drawing ---- */

/* The attributes that a "\033[...m" of line.h stands for. */
static attr_t attributes_of(int code)
{
	switch (code) {
	case 1:
		return A_BOLD;
	case 2:
		return A_DIM;
	case 32:
		return state.color ? (attr_t)COLOR_PAIR(GREEN) : A_NORMAL;
	case 33:
		return state.color ? (attr_t)COLOR_PAIR(YELLOW) : A_BOLD;
	case 35:
		return state.color ? (attr_t)COLOR_PAIR(MAGENTA) : A_NORMAL;
	case 36:
		return state.color ? (attr_t)COLOR_PAIR(CYAN) : A_NORMAL;
	default:
		return A_NORMAL;
	}
}

/* Puts one character at `column`, with the marks that join it; gives the bytes and columns that it took. */
static size_t put_glyph(int row, int column, const char *text, attr_t attributes, int *ret_width)
{
	wchar_t characters[CCHARW_MAX + 1] = { 0 };
	mbstate_t mbstate = { 0 };
	size_t used = 0, count = 0;
	*ret_width = 0;
	while (text[used] && text[used] != '\n' && text[used] != '\033' && count < CCHARW_MAX) {
		wchar_t next;
		size_t size = mbrtowc(&next, text + used, MB_CUR_MAX, &mbstate);
		int width = size && size < (size_t)-2 ? wcwidth(next) : -1;
		if (count && width != 0)
			break;
		if (width < 0) { /* not in this locale */
			used++;
			next = L'?';
			width = 1;
			mbstate = (mbstate_t) { 0 };
		} else {
			used += size;
		}
		characters[count++] = next;
		*ret_width += width;
	}
	cchar_t cell;
	bool fits = column + *ret_width <= getmaxx(stdscr);
	if (fits && *ret_width &&
	    setcchar(&cell, characters, attributes & ~(attr_t)A_COLOR, (short)PAIR_NUMBER(attributes), NULL) == OK)
		mvadd_wch(row, column, &cell);
	return used;
}

/* Draws one line; gives where it ends in `text`. */
static const char *put_line(int row, const char *text, bool highlight)
{
	attr_t attributes = A_NORMAL;
	int column = 0, width;
	while (*text && *text != '\n') {
		if (*text == '\033') {
			char *end;
			long code = strtol(text + 2, &end, 10);
			attributes = code ? attributes_of((int)code) : A_NORMAL;
			text = end + (*end == 'm');
			continue;
		}
		attr_t shown = highlight ? (attributes & A_BOLD) | A_REVERSE : attributes;
		text += put_glyph(row, column, text, shown, &width);
		column += width;
	}
	if (highlight)
		for (; column < getmaxx(stdscr); column++)
			mvaddch(row, column, ' ' | A_REVERSE);
	return *text ? text + 1 : text;
}

void plait_screen_show(const char *text, const struct plait_view_frame *frame)
{
	erase();
	for (int row = 0; row < getmaxy(stdscr) && *text; row++)
		text = put_line(row, text, (uint32_t)row == frame->highlight);
	bool cursor = frame->cursor_row != UINT32_MAX;
	if (cursor) {
		int last = getmaxx(stdscr) - 1, column = (int)frame->cursor_column;
		move((int)frame->cursor_row, column > last ? last : column);
	}
	curs_set(cursor);
	refresh();
}

/* ---- keys ---- */

static uint32_t key_of(wint_t code)
{
	static const struct {
		wint_t code;
		uint32_t key;
	} keys[] = {
		{ KEY_UP, PLAIT_KEY_UP },	  { KEY_DOWN, PLAIT_KEY_DOWN },
		{ KEY_LEFT, PLAIT_KEY_LEFT },	  { KEY_RIGHT, PLAIT_KEY_RIGHT },
		{ KEY_PPAGE, PLAIT_KEY_PAGE_UP }, { KEY_NPAGE, PLAIT_KEY_PAGE_DOWN },
		{ KEY_HOME, PLAIT_KEY_HOME },	  { KEY_END, PLAIT_KEY_END },
		{ KEY_BTAB, PLAIT_KEY_BACK_TAB }, { KEY_BACKSPACE, PLAIT_KEY_BACKSPACE },
		{ KEY_DC, PLAIT_KEY_DELETE },	  { KEY_ENTER, PLAIT_KEY_ENTER },
		{ KEY_F(1), PLAIT_KEY_F1 },
	};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (keys[i].code == code)
			return keys[i].key;
	}
	return PLAIT_KEY_OTHER;
}

/* Takes the new size of the terminal, if it has one. */
static void take_size(void)
{
	struct winsize size;
	resized = 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
}

/* Ctrl-Z: puts the terminal back, stops, and takes it again when the program goes on. */
static void stop(void)
{
	sigset_t only, held;
	struct sigaction again;
	wanted_stop = 0;
	curs_set(1);
	endwin();
	sigaction(SIGTSTP, &(struct sigaction) { .sa_handler = SIG_DFL }, &again);
	raise(SIGTSTP); /* blocked: it stops where the signal is let through */
	sigemptyset(&only);
	sigaddset(&only, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &only, &held);
	sigprocmask(SIG_SETMASK, &held, NULL);
	sigaction(SIGTSTP, &again, NULL);
	take_size();
	clearok(stdscr, TRUE);
	refresh();
}

bool plait_screen_read(uint32_t *ret_key, bool *ret_resized)
{
	*ret_resized = false;
	while (!wanted_end) {
		wint_t code;
		int result = get_wch(&code);
		if (result == KEY_CODE_YES && code == KEY_RESIZE)
			continue; /* said by take_size() already */
		if (result != ERR) {
			*ret_key = result == KEY_CODE_YES ? key_of(code) : code == 0x7f ? PLAIT_KEY_BACKSPACE : code;
			return true;
		}
		struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
		int ready = ppoll(&input, 1, NULL, &state.outside);
		if (ready > 0 && (input.revents & (POLLHUP | POLLERR | POLLNVAL)))
			return false; /* the terminal is gone */
		if (wanted_stop || resized) {
			if (wanted_stop)
				stop();
			if (resized)
				take_size();
			*ret_resized = true;
			return true;
		}
		if (ready < 0 && errno != EINTR)
			return false;
	}
	return false;
}
