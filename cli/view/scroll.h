/*
 * A list that is longer than the screen: where the cursor is, and what is seen.
 */
#ifndef PLAIT_CLI_VIEW_SCROLL_H
#define PLAIT_CLI_VIEW_SCROLL_H

#include <stddef.h>

/* Rows [top, top + height) are seen, the one `at` among them. Zeroed is empty. */
struct plait_scroll {
	size_t count, at, top, height;
};

/* Keeps the cursor in the list and on the screen. */
static inline void plait_scroll_clamp(struct plait_scroll *scroll)
{
	if (scroll->at >= scroll->count)
		scroll->at = scroll->count ? scroll->count - 1 : 0;
	if (scroll->top > scroll->at)
		scroll->top = scroll->at;
	if (scroll->height && scroll->at - scroll->top >= scroll->height)
		scroll->top = scroll->at - scroll->height + 1;
	size_t last = scroll->count > scroll->height ? scroll->count - scroll->height : 0;
	if (scroll->top > last)
		scroll->top = last;
}

/* Sets how long the list is and how much of it is seen. */
static inline void plait_scroll_fit(struct plait_scroll *scroll, size_t count, size_t height)
{
	scroll->count = count;
	scroll->height = height;
	plait_scroll_clamp(scroll);
}

static inline void plait_scroll_up(struct plait_scroll *scroll, size_t rows)
{
	scroll->at = scroll->at > rows ? scroll->at - rows : 0;
	plait_scroll_clamp(scroll);
}

static inline void plait_scroll_down(struct plait_scroll *scroll, size_t rows)
{
	scroll->at = rows < scroll->count - scroll->at ? scroll->at + rows : scroll->count;
	plait_scroll_clamp(scroll);
}

/* Moves a page without moving the cursor on the screen. */
static inline void plait_scroll_page(struct plait_scroll *scroll, size_t rows, int down)
{
	size_t offset = scroll->at - scroll->top;
	if (down)
		plait_scroll_down(scroll, rows);
	else
		plait_scroll_up(scroll, rows);
	scroll->top = scroll->at > offset ? scroll->at - offset : 0;
	plait_scroll_clamp(scroll);
}

/* Moves to a row; when it was not seen, it comes into the middle. */
static inline void plait_scroll_to(struct plait_scroll *scroll, size_t at)
{
	if (at < scroll->top || at - scroll->top >= scroll->height)
		scroll->top = at > scroll->height / 2 ? at - scroll->height / 2 : 0;
	scroll->at = at;
	plait_scroll_clamp(scroll);
}

#endif
