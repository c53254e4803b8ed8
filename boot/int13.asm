; SPDX-License-Identifier: MIT
; The resident drive map: shows the BIOS hard disks to the started system in another order, or hides some.
; Owns its 1 KiB at the top of base memory, and INT 13h and INT 15h while the started system uses the BIOS.
; It must not know mirrors, partitions or file systems, and never alters what is read: NT compares the sector 0
; the BIOS gave with the one its own driver reads, and stops (0x7B) when they differ.
;
; The loader copies this file to segment:0, lowers 40:13 by one (KiB), sets 40:75 to the visible count, fills in the
; header and points INT 13h and INT 15h at the two entries. Everything here is addressed through CS, and nothing that
; belongs to a call is kept outside its stack, because a BIOS may issue INT 13h inside INT 13h.
;
; INT 13h functions, and why the rule "give the BIOS its own drive number, then give the caller back his" does:
;   00 reset, 0C seek, 0D reset, 10 ready, 04/44 verify, 47 seek        drive in, status out
;   01 last status                                                      of the controller, not of one drive: passes
;   02/42 read, 03/43 write (writes are the mapped disk's own)          data through ES:BX or the packet at DS:SI
;   41 check extensions, 48 parameters                                  answers in AX, BX, CX and at DS:SI
;   08 parameters                                                       DH data, DL = how many disks: the visible count
;   15 type                                                             CX:DX = sectors: DX is data
; Any other function goes through under the same rule. INT 12h reads 40:13; INT 15h AH=88h and AX=E801h tell only of
; memory above 1 MiB: they need nothing.

        cpu     386
        bits    16
        org     0

SIZE_MAX        equ     1024            ; what the loader takes off base memory
MAP_ENTRIES     equ     16
HARD_DISK       equ     0x80            ; drive numbers from here up are hard disks

GET_PARAMETERS  equ     0x08            ; the two INT 13h functions that return data in DX
GET_TYPE        equ     0x15
STATUS_INVALID  equ     0x01
FLAG_CARRY      equ     0x01

MEMORY_MAP      equ     0xE820
SMAP            equ     0x534D4150      ; 'SMAP'
E820_BASE       equ     0               ; qword
E820_LENGTH     equ     8               ; qword
E820_TYPE       equ     16              ; dword
E820_RAM        equ     1

; The header. Filled in by the loader, except the two entry offsets, which it reads.
magic:          db      'FTMP'
old_int13:      dw      0, 0            ; offset, segment
old_int15:      dw      0, 0
reserved_base:  dd      0               ; linear address of this header
                dw      int13, int15
visible_count:  db      0
                db      0, 0, 0
map:            times MAP_ENTRIES db 0  ; map[i]: the BIOS drive shown as 80h + i, 0 = nothing there

%if map - magic != 24
        %error the loader expects the map at offset 24
%endif

; INT 13h: disk services with the drive number mapped.
; In:       as an INT leaves it: IF = 0, the caller's IP, CS and FLAGS on the stack
; Out:      floppy drives: never comes back here. Disks: what the BIOS returns, with FLAGS in the stacked image, but
;           DL = the caller's (AH=15h: the BIOS's; AH=08h: the visible count). When 08h or 15h fail DX holds no data,
;           so DL is the caller's there too. A drive that is not shown: AH = 01h, CF = 1 for every function.
; Clobbers: nothing the BIOS does not
int13:
        pushf                           ; a BIOS may return with the flags it was entered with
        test    dl, dl
        js      .disk
        popf
        jmp     far [cs:old_int13]

.disk:  push    bp
        mov     bp, sp                  ; [bp+2] entry flags, [bp+4] IP, [bp+6] CS, [bp+8] the caller's FLAGS
        push    dx
        push    ax
        push    bx
        mov     bx, dx
        and     bx, 0xFF & ~HARD_DISK
        cmp     bx, MAP_ENTRIES
        jae     .absent
        mov     dl, [cs:map + bx]
        test    dl, dl
        jz      .absent
        pop     bx

        ; The old handler finds everything as if the caller's INT had reached it, DL apart.
        push    word [bp+8]
        push    word [bp+2]
        popf
        mov     bp, [bp]
        call    far [cs:old_int13]

        push    bp
        mov     bp, sp                  ; [bp+3] AH in, [bp+4] DL in, [bp+8] entry flags, [bp+14] the caller's FLAGS
        pushf
        pop     word [bp+14]            ; not RETF 2: that would leave IF and TF to chance
        jc      .restore
        cmp     byte [bp+3], GET_TYPE
        je      .return
        cmp     byte [bp+3], GET_PARAMETERS
        jne     .restore
        mov     dl, [cs:visible_count]
        jmp     .return
.restore:
        mov     dl, [bp+4]
.return:
        pop     bp
        add     sp, 8                   ; AX, DX, BP, entry flags
        iret

.absent:
        or      byte [bp+8], FLAG_CARRY
        pop     bx
        pop     ax
        mov     ah, STATUS_INVALID
        pop     dx
        pop     bp
        add     sp, 2
        iret

; INT 15h: the memory map without the area that holds this code. NTLDR believes the map and not 40:13.
; In:       as an INT leaves it
; Out:      AX=E820h, EDX='SMAP': what the BIOS returns (EAX, EBX, ECX, EDX, CF and the entry at ES:DI), the length cut
;           where a RAM entry runs into the reserved area. Everything else never comes back here.
; Clobbers: nothing the BIOS does not
int15:
        pushf
        cmp     ax, MEMORY_MAP
        jne     .pass
        cmp     edx, SMAP
        je      .map
.pass:  popf
        jmp     far [cs:old_int15]

.map:   push    bp
        mov     bp, sp                  ; [bp+2] entry flags, [bp+8] the caller's FLAGS
        push    word [bp+8]
        push    word [bp+2]
        popf
        mov     bp, [bp]
        call    far [cs:old_int15]

        push    bp
        mov     bp, sp                  ; [bp+10] the caller's FLAGS
        pushf
        pop     word [bp+10]
        jc      .return
        cmp     eax, SMAP               ; a BIOS without E820 may return CF = 0 and no entry
        jne     .return
        push    eax
        cmp     dword [es:di + E820_TYPE], E820_RAM
        jne     .keep
        cmp     dword [es:di + E820_BASE + 4], 0
        jne     .keep
        mov     eax, [cs:reserved_base]
        sub     eax, [es:di + E820_BASE]
        jbe     .keep                   ; starts at or above the reserved area
        cmp     dword [es:di + E820_LENGTH + 4], 0
        jne     .cut
        cmp     [es:di + E820_LENGTH], eax
        jbe     .keep                   ; ends below it
.cut:   mov     [es:di + E820_LENGTH], eax
        mov     dword [es:di + E820_LENGTH + 4], 0
.keep:  pop     eax
.return:
        pop     bp
        add     sp, 4                   ; BP, entry flags
        iret

%if $ - $$ > SIZE_MAX
        %error the drive map has outgrown its 1 KiB
%endif
