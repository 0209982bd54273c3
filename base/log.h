/* log.h -- one line on stderr: `level module message key=value`.
 *
 * error: someone must act.  warn: we coped.  info: a start, stop or change.
 * Programs log, libraries return.  Any thread. */

#ifndef LOG_H
#define LOG_H

__attribute__((format(printf, 2, 3))) void log_error(const char *module, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void log_warn(const char *module, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void log_info(const char *module, const char *fmt, ...);

#endif
