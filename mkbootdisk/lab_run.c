/* SPDX-License-Identifier: MIT */
/* Runs a lab's QEMU: relays between this terminal and the guest's serial port, follows the loader's event lines, ends
 * the machine and says what happened. Knows nothing of disks and faults.
 *
 * Whatever happens, the terminal is put back and no QEMU stays behind; should this process be killed outright, the
 * kernel ends QEMU. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "lab_qemu.h"

#define KEY_LEAVE 0x1D /* Ctrl-] */
#define SECOND_MS 1000
#define TIMEOUT_UNATTENDED_S 120 /* nobody can press Ctrl-] when standard input is no terminal */
#define AFTERWARDS_UNATTENDED_S 5
#define PATIENCE_MS 5000 /* for QEMU to end after it was asked to */
#define PATIENCE_STEP_MS 20
#define QEMU_FAILED 1
#define EVENT_BOOT "ft: boot "
#define EVENT_END "ft: end "
#define LINE_BYTES 256u
#define WORD_BYTES 24u

enum ending { RUNNING, END_QEMU, END_KEY, END_SIGNAL, END_TIMEOUT, END_BOOT, END_OUTPUT };

/* What the loader said so far. */
struct story {
    char line[LINE_BYTES];
    size_t used;
    bool heard;            /* anything at all came from the guest */
    bool started;          /* the last thing the loader did was to start something */
    bool settled;          /* what it will start, or that it starts nothing, is known */
    char last[LINE_BYTES]; /* the last event */
    char source[WORD_BYTES];
    char drive[WORD_BYTES];
    char as[WORD_BYTES];
    char method[WORD_BYTES];
    char why_none[LINE_BYTES]; /* it starts nothing */
};

struct run {
    const struct lab *lab;
    pid_t qemu;
    int to_guest;
    int from_guest;
    int signals;
    sigset_t old_mask;
    bool is_terminal; /* standard input is one, and is in raw mode */
    bool input_ended;
    bool has_keys; /* some came */
    struct termios saved;
    char pending[LINE_BYTES]; /* keys on their way to the guest */
    size_t pending_used;
    int64_t end_ms; /* when to give up; 0: never */
    char last_byte; /* that was shown */
    struct story story;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND_MS + now.tv_nsec / 1000000;
}

/* The value of `key` (with its '=') in an event line; values with blanks are not asked for. */
static void take_value(const char *line, const char *key, char value[WORD_BYTES])
{
    const char *at = strstr(line, key);
    size_t length = at != NULL ? strcspn(at + strlen(key), " ") : 0;
    if (length >= WORD_BYTES)
        length = WORD_BYTES - 1;
    if (length > 0)
        memcpy(value, at + strlen(key), length);
    value[length] = '\0';
}

static void take_event(struct story *story, const char *line)
{
    snprintf(story->last, sizeof story->last, "%s", line);
    if (strncmp(line, EVENT_END, strlen(EVENT_END)) == 0) {
        const char *why = strchr(line, '"');
        story->settled = true;
        snprintf(story->why_none, sizeof story->why_none, "%.*s", why != NULL ? (int)strcspn(why + 1, "\"") : 0,
                 why != NULL ? why + 1 : "");
    } else if (strncmp(line, EVENT_BOOT, strlen(EVENT_BOOT)) == 0) {
        story->started = story->settled = true;
        take_value(line, " source=", story->source);
        take_value(line, " drive=", story->drive);
        take_value(line, " as=", story->as);
        take_value(line, " method=", story->method);
    } else if (strncmp(line, "ft: error ", strlen("ft: error ")) == 0)
        story->started = false; /* a hand-off that worked does not come back to tell of an error */
}

/* Returns the event when `byte` ends one. The loader may move the cursor before an event, up to a carriage return. */
static const char *take_byte(struct story *story, char byte)
{
    if (byte != '\n') {
        if (story->used + 1 < sizeof story->line)
            story->line[story->used++] = byte;
        return NULL;
    }
    while (story->used > 0 && story->line[story->used - 1] == '\r')
        story->used--;
    story->line[story->used] = '\0';
    story->used = 0;
    const char *margin = strrchr(story->line, '\r');
    const char *line = margin != NULL ? margin + 1 : story->line;
    if (strncmp(line, "ft: ", strlen("ft: ")) != 0)
        return NULL;
    take_event(story, line);
    return line;
}

static _Noreturn void become_qemu(const struct run *run, const struct lab_words *words, const int ends[3])
{
    int error;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigprocmask(SIG_SETMASK, &run->old_mask, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (dup2(ends[0], STDIN_FILENO) >= 0 && dup2(ends[1], STDOUT_FILENO) >= 0)
        execvp(words->word[0], words->word);
    error = errno;
    if (write(ends[2], &error, sizeof error) < 0)
        _exit(127);
    _exit(127);
}

static enum exit_code no_qemu(const char *name, int error)
{
    if (error == ENOENT)
        return complain(EXIT_IO,
                        "%s: not found; install QEMU (package qemu-system-x86 on Debian and Ubuntu) or give its path "
                        "with --qemu",
                        name);
    return complain(EXIT_IO, "%s: %s; give the path of a QEMU for i386 with --qemu", name, strerror(error));
}

/* Fork with three pipes: the guest's serial port both ways, and one that tells whether QEMU could be executed. */
static enum exit_code spawn(struct run *run, const struct lab_words *words)
{
    int in[2], out[2], failure[2];
    int error = 0;
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(failure, O_CLOEXEC) != 0)
        return complain(EXIT_IO, "pipe: %s", strerror(errno));
    fflush(NULL);
    run->qemu = fork();
    if (run->qemu < 0)
        return complain(EXIT_IO, "fork: %s", strerror(errno));
    if (run->qemu == 0)
        become_qemu(run, words, (int[]){in[0], out[1], failure[1]});
    close(in[0]);
    close(out[1]);
    close(failure[1]);
    run->to_guest = in[1];
    run->from_guest = out[0];
    fcntl(run->to_guest, F_SETFL, O_NONBLOCK);
    ssize_t told = read(failure[0], &error, sizeof error);
    close(failure[0]);
    if (told != (ssize_t)sizeof error)
        return EXIT_DONE;
    waitpid(run->qemu, NULL, 0);
    return no_qemu(words->word[0], error);
}

/* Ends QEMU, politely first so that it writes out what it holds; returns its wait status. */
static int end_qemu(struct run *run, enum ending why)
{
    int status = 0;
    if (why == END_QEMU) {
        waitpid(run->qemu, &status, 0);
        return status;
    }
    kill(run->qemu, SIGTERM);
    for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms += PATIENCE_STEP_MS) {
        if (waitpid(run->qemu, &status, WNOHANG) == run->qemu)
            return status;
        poll(NULL, 0, PATIENCE_STEP_MS);
    }
    kill(run->qemu, SIGKILL);
    waitpid(run->qemu, &status, 0);
    return status;
}

static void take_terminal(struct run *run)
{
    struct termios raw;
    if (run->lab->window || tcgetattr(STDIN_FILENO, &run->saved) != 0)
        return;
    raw = run->saved;
    cfmakeraw(&raw);
    raw.c_oflag = run->saved.c_oflag; /* messages of our own and of QEMU end in a bare line feed */
    run->is_terminal = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
    if (run->is_terminal)
        fputs("mkbootdisk: keys go to the machine; Ctrl-] leaves\n", stderr);
}

static void give_terminal_back(const struct run *run)
{
    if (run->is_terminal)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &run->saved);
    if (run->last_byte != '\n' && run->last_byte != '\0')
        putchar('\n');
    fflush(stdout);
}

/* Signals are read like any other input, so that there is one way out. */
static bool take_signals(struct run *run)
{
    sigset_t set;
    sigemptyset(&set);
    for (const int *each = (const int[]){SIGINT, SIGTERM, SIGHUP, SIGQUIT, 0}; *each != 0; each++)
        sigaddset(&set, *each);
    sigprocmask(SIG_BLOCK, &set, &run->old_mask);
    signal(SIGPIPE, SIG_IGN);
    run->signals = signalfd(-1, &set, SFD_CLOEXEC);
    return run->signals >= 0;
}

static bool show(struct run *run, const char *bytes, size_t count)
{
    if (count == 0)
        return true;
    run->last_byte = bytes[count - 1];
    while (count > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, count);
        if (written < 0 && errno != EINTR)
            return false;
        if (written > 0) {
            bytes += written;
            count -= (size_t)written;
        }
    }
    return true;
}

/* With --window the screen is in the window, and this terminal gets the events alone. */
static bool show_event(struct run *run, const char *event)
{
    return !run->lab->window || (show(run, event, strlen(event)) && show(run, "\n", 1));
}

/* Nobody is there: a moment for what was started, or for keys that were piped in. */
static void allow_a_moment(struct run *run)
{
    bool is_attended = run->is_terminal || run->lab->window;
    if (!is_attended && run->lab->timeout_s == 0)
        run->end_ms = now_ms() + AFTERWARDS_UNATTENDED_S * SECOND_MS;
}

/* Somebody who pipes keys in may take his time. */
static bool may_still_type(const struct run *run)
{
    return !run->is_terminal && !run->lab->window && !run->input_ended;
}

static enum ending relay_output(struct run *run)
{
    char bytes[4096];
    ssize_t count = read(run->from_guest, bytes, sizeof bytes);
    if (count <= 0)
        return count < 0 && errno == EINTR ? RUNNING : END_QEMU;
    run->story.heard = true;
    if (!run->lab->window && !show(run, bytes, (size_t)count))
        return END_OUTPUT;
    for (ssize_t i = 0; i < count; i++) {
        const char *event = take_byte(&run->story, bytes[i]);
        if (event == NULL)
            continue;
        if (!show_event(run, event))
            return END_OUTPUT;
        if (!run->story.settled)
            continue;
        if (run->lab->until_boot && (run->story.started || (!run->has_keys && !may_still_type(run))))
            return END_BOOT;
        if (run->story.started || !may_still_type(run))
            allow_a_moment(run);
    }
    return RUNNING;
}

static enum ending take_keys(struct run *run)
{
    ssize_t count = read(STDIN_FILENO, run->pending, sizeof run->pending);
    if (count <= 0) {
        run->input_ended = true;
        if (run->story.settled)
            allow_a_moment(run);
        return RUNNING;
    }
    if (run->is_terminal && memchr(run->pending, KEY_LEAVE, (size_t)count) != NULL)
        return END_KEY;
    run->pending_used = (size_t)count;
    run->has_keys = true;
    return RUNNING;
}

static void send_keys(struct run *run)
{
    ssize_t count = write(run->to_guest, run->pending, run->pending_used);
    if (count < 0)
        return; /* full, or QEMU is about to end: the next turn tells */
    run->pending_used -= (size_t)count;
    memmove(run->pending, run->pending + count, run->pending_used);
}

/* Keys from a pipe wait until the guest has said something: a serial port that is being set up drops what it holds.
 * UEFI itself says much, and takes keys for its own; there the loader must have begun. */
static bool wants_keys(const struct run *run)
{
    bool listens = run->lab->firmware == FIRMWARE_BIOS ? run->story.heard : run->story.last[0] != '\0';
    return !run->lab->window && !run->input_ended && run->pending_used == 0 && (run->is_terminal || listens);
}

static int wait_ms(const struct run *run)
{
    int64_t left = run->end_ms - now_ms();
    if (run->end_ms == 0)
        return -1;
    return left < 0 ? 0 : left > SECOND_MS ? SECOND_MS : (int)left;
}

static enum ending relay_once(struct run *run)
{
    struct pollfd fds[] = {
        {.fd = run->from_guest, .events = POLLIN},
        {.fd = run->signals, .events = POLLIN},
        {.fd = wants_keys(run) ? STDIN_FILENO : -1, .events = POLLIN},
        {.fd = run->pending_used > 0 ? run->to_guest : -1, .events = POLLOUT},
    };
    enum ending ending = RUNNING;
    if (poll(fds, sizeof fds / sizeof fds[0], wait_ms(run)) < 0)
        return errno == EINTR ? RUNNING : END_SIGNAL;
    if (fds[1].revents != 0)
        return END_SIGNAL;
    if (fds[0].revents != 0)
        ending = relay_output(run);
    if (ending == RUNNING && fds[2].revents != 0)
        ending = take_keys(run);
    if (ending == RUNNING && fds[3].revents != 0)
        send_keys(run);
    if (ending == RUNNING && run->end_ms != 0 && now_ms() >= run->end_ms)
        ending = END_TIMEOUT;
    return ending;
}

static enum ending relay(struct run *run)
{
    enum ending ending = RUNNING;
    bool is_attended = run->is_terminal || run->lab->window;
    long timeout_s = run->lab->timeout_s != 0 ? run->lab->timeout_s : is_attended ? 0 : TIMEOUT_UNATTENDED_S;
    run->end_ms = timeout_s != 0 ? now_ms() + timeout_s * SECOND_MS : 0;
    while (ending == RUNNING)
        ending = relay_once(run);
    return ending;
}

static const char *method_text(const char *method)
{
    static const struct {
        const char *name;
        const char *text;
    } texts[] = {{"vbr", "its boot sector"},
                 {"ntldr-disk", "the NTLDR on it"},
                 {"ntldr-floppy", "the boot disk's NTLDR"},
                 {"mbr", "its master boot record"},
                 {"efi", "its EFI boot loader"}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp(method, texts[i].name) == 0)
            return texts[i].text;
    return method;
}

static const char *hex_digits(const char *number)
{
    return strncmp(number, "0x", 2) == 0 ? number + 2 : number;
}

static enum exit_code tell_start(const struct story *story)
{
    bool is_half = strcmp(story->source, "none") != 0;
    if (strcmp(story->method, "efi") == 0) {
        printf("lab: started the %s, disk %sh, by %s (%s)\n", story->source, hex_digits(story->drive),
               method_text(story->method), story->method);
        return EXIT_DONE;
    }
    printf("lab: started the %s, BIOS disk %sh as %sh, by %s (%s)\n", is_half ? story->source : "first disk",
           hex_digits(story->drive), hex_digits(story->as), method_text(story->method), story->method);
    return EXIT_DONE;
}

/* The loader has done its work without starting anything; still, nothing was started. */
static enum exit_code tell_none(const struct story *story)
{
    printf("lab: nothing was started: %s\n", story->why_none);
    return EXIT_FOUND;
}

static const char *ending_text(enum ending ending)
{
    switch (ending) {
    case END_TIMEOUT:
        return "the time was up";
    case END_KEY:
        return "you left with Ctrl-]";
    case END_SIGNAL:
        return "the lab was interrupted";
    case END_OUTPUT:
        return "standard output was closed";
    default:
        return "the machine ended";
    }
}

static enum exit_code tell_end(const struct run *run, enum ending ending, int status)
{
    const struct story *story = &run->story;
    bool has_failed = WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == QEMU_FAILED);
    if (story->started)
        return tell_start(story);
    if (story->settled && story->why_none[0] != '\0')
        return tell_none(story);
    if (ending == END_QEMU && has_failed)
        return complain(EXIT_IO, "QEMU failed before anything was started (%s %d); its message is above",
                        WIFSIGNALED(status) ? "signal" : "exit status",
                        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    if (story->last[0] == '\0')
        return complain(EXIT_FOUND,
                        "%s, and the loader was not heard; check that %s is a boot disk of mkbootdisk, whose "
                        "MIRROR.INI does not say serial=none",
                        ending_text(ending), run->lab->boot.path);
    return complain(EXIT_FOUND, "%s before anything was started; the loader's last event was '%s'", ending_text(ending),
                    story->last);
}

enum exit_code lab_run(const struct lab *lab, const struct lab_words *words)
{
    struct run run = {.lab = lab};
    enum exit_code code;
    if (!take_signals(&run))
        return complain(EXIT_IO, "signals: %s", strerror(errno));
    code = spawn(&run, words);
    if (code != EXIT_DONE)
        return code;
    take_terminal(&run);
    enum ending ending = relay(&run);
    int status = end_qemu(&run, ending);
    give_terminal_back(&run);
    close(run.to_guest);
    close(run.from_guest);
    close(run.signals);
    return tell_end(&run, ending, status);
}
