#include "common/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct plait_error no_memory = {
	.code = PLAIT_ERROR_NO_MEMORY,
	.system_errno = ENOMEM,
	.message = (char *)"out of memory",
};

struct plait_error *plait_error_no_memory(void)
{
	return &no_memory;
}

/* A new error that owns `message`; the static one when there is no memory for it. */
static struct plait_error *error_create(enum plait_error_code code, int err, char *message)
{
	struct plait_error *error = message ? calloc(1, sizeof(*error)) : NULL;
	if (!error) {
		free(message);
		return &no_memory;
	}
	error->code = code;
	error->system_errno = err;
	error->message = message;
	return error;
}

static char *format_text(const char *format, va_list arguments)
{
	char *text = NULL;
	return vasprintf(&text, format, arguments) < 0 ? NULL : text;
}

struct plait_error *plait_error_new(enum plait_error_code code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	char *message = format_text(format, arguments);
	va_end(arguments);
	return error_create(code, 0, message);
}

static enum plait_error_code code_of_errno(int err)
{
	switch (err) {
	case EACCES:
	case EPERM:
		return PLAIT_ERROR_PERMISSION;
	case ENOENT:
	case ESRCH:
		return PLAIT_ERROR_NOT_FOUND;
	default:
		return PLAIT_ERROR_SYSTEM;
	}
}

struct plait_error *plait_error_system(int err, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	char *what = format_text(format, arguments);
	va_end(arguments);
	char *message = NULL;
	if (what && asprintf(&message, "%s: %s", what, strerror(err)) < 0)
		message = NULL;
	free(what);
	return error_create(code_of_errno(err), err, message);
}

struct plait_error *plait_error_advise(struct plait_error *error, const char *format, ...)
{
	if (error == &no_memory)
		return error;
	va_list arguments;
	va_start(arguments, format);
	free(error->advice);
	error->advice = format_text(format, arguments);
	va_end(arguments);
	return error;
}

struct plait_error *plait_error_context(struct plait_error *error, const char *format, ...)
{
	if (error == &no_memory)
		return error;
	va_list arguments;
	va_start(arguments, format);
	char *what = format_text(format, arguments);
	va_end(arguments);
	char *message = NULL;
	if (what && asprintf(&message, "%s: %s", what, error->message) >= 0) {
		free(error->message);
		error->message = message;
	}
	free(what);
	return error;
}

void plait_error_free(struct plait_error *error)
{
	if (!error || error == &no_memory)
		return;
	free(error->message);
	free(error->advice);
	free(error);
}
