/*
 * The error object that crosses folder borders.
 *
 * A fallible function returns `struct plait_error *`: NULL is success. The caller owns a returned error and ends it
 * with plait_error_free(). Libraries return errors, programs print them. Hot paths (one unwind step, one decoded
 * record) use plain enums instead.
 *
 * An error says what was tried and on what, why it failed, and (advice) what to do about it.
 */
#ifndef PLAIT_COMMON_ERROR_H
#define PLAIT_COMMON_ERROR_H

enum plait_error_code {
	PLAIT_ERROR_SYSTEM = 1,	 /* a system call failed: system_errno says how */
	PLAIT_ERROR_NO_MEMORY,	 /* the static out-of-memory error */
	PLAIT_ERROR_NOT_FOUND,	 /* what was asked for is not there; callers often degrade on it */
	PLAIT_ERROR_INVALID,	 /* bytes or text from outside that are not what they should be */
	PLAIT_ERROR_UNSUPPORTED, /* this host, kernel or build cannot do it */
	PLAIT_ERROR_PERMISSION,	 /* refused: the advice says which right is missing */
	PLAIT_ERROR_USAGE,	 /* the user's words are off: exit status 2 */
};

struct plait_error {
	enum plait_error_code code;
	int system_errno; /* 0 when no system call failed */
	char *message;	  /* one sentence without a final full stop: what was tried, on what, why not */
	char *advice;	  /* what to do, one sentence; NULL when there is nothing to say */
};

/* A new error with a printf-style message. Never returns NULL (out of memory gives the static error). */
struct plait_error *plait_error_new(enum plait_error_code code, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A new error for a failed system call: ": <strerror(err)>" is appended to the message. EACCES and EPERM give
 * PLAIT_ERROR_PERMISSION, ENOENT and ESRCH give PLAIT_ERROR_NOT_FOUND, all others PLAIT_ERROR_SYSTEM. */
struct plait_error *plait_error_system(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets the advice of `error` (replacing an earlier one) and returns `error`. */
struct plait_error *plait_error_advise(struct plait_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Puts "<text>: " in front of the message and returns `error`. */
struct plait_error *plait_error_context(struct plait_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The static out-of-memory error: needs no allocation, may be freed like any other. */
struct plait_error *plait_error_no_memory(void);

/* Ends `error`; NULL is allowed. */
void plait_error_free(struct plait_error *error);

/* For PLAIT_CLEANUP(plait_error_cleanup). */
static inline void plait_error_cleanup(struct plait_error **error)
{
	plait_error_free(*error);
}

/* Returns from the calling function with the error of `expression`, if it gave one. */
#define PLAIT_TRY(expression)                                                                                          \
	do {                                                                                                           \
		struct plait_error *try_error_ = (expression);                                                         \
		if (try_error_)                                                                                        \
			return try_error_;                                                                             \
	} while (0)

#endif
