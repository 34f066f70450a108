/*
 * How many columns of a terminal a character takes.
 */
#ifndef PLAIT_OUTPUT_RENDER_WIDTH_H
#define PLAIT_OUTPUT_RENDER_WIDTH_H

#include <stdbool.h>
#include <stdint.h>

/* 0 for marks that join the character before them, 2 for East Asian wide ones and most emoji, else 1. Controls have no
 * width: escape them first. */
unsigned int plait_width_of(uint32_t point);

#endif
