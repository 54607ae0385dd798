/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines on standard error: "text key=value ..." with "<N>" before it, the
 * syslog priority (sd-daemon(3)), when that is the journal by JOURNAL_STREAM
 * (systemd.exec(5)).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_L_ERR = 3, LOG_L_WARN = 4, LOG_L_INFO = 6, LOG_L_DEBUG };

/* Lines above this level are dropped; LOG_L_INFO at start. */
void log_set_level(enum log_level level);

/* One line; control bytes in it are shown as \xNN. */
void log_line(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Before abort(): no memory, or a library that can't do its work. */
void log_crit(const char *text);

#define log_err(...)   log_line(LOG_L_ERR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_L_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_L_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_L_DEBUG, __VA_ARGS__)

#endif
