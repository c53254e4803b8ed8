/* SPDX-License-Identifier: MIT */
/* The systems that BOOT.INI starts, resolved to disks and mirrors. Judges text and tables; opens nothing. */
#ifndef SYSTEMS_H
#define SYSTEMS_H

#include "gather.h"

/** Fill `out->system`: from `nt_path` if the person named a folder, else from BOOT.INI (null: there is none), else from
 * the installations found, else \WINNT on the first mirror. */
void systems_collect(const struct host_set *set, const struct nt_survey *survey, const struct bootini *ini,
                     const char *nt_path, struct gathered *out);

#endif
