; SPDX-License-Identifier: MIT
; payload.asm - the "operating system" on a mirrored volume of the lab.
;
; Owns what a started survivor says about the state it was entered in. It is laid over the boot sector of a volume that
; mkfs.fat or mkntfs made: bytes 0-2 and everything from 5Ah on are ours, the BPB between them stays the volume's (it
; ends at 3Eh on FAT16, 54h on NTFS, 5Ah on FAT32). Entered at 0000:7C00, or 07C0:0000, it prints one line on COM1,
;
;   PAYLOAD tag=A dl=80 rd80=00 sig80=1a2b3c4d rd81=00 sig81=5e6f7a8b count=02 hidden=0000003f spt=003f heads=0010
;   drv=80 base=027f cs=0000 ss=0000 sp=7c00 ds=0000 si=07be part=80010100860f3f813f00000061ff0100
;
; (one line in truth), and leaves QEMU through isa-debug-exit at port 501h with exit status 33.
;   rdXX    AH of an INT 13h read of CHS 0/0/1 of that drive, sigXX the disk signature found there ("eeeeeeee": nothing
;           was stored)
;   hidden, spt, heads, drv   the BPB as it stands in this RAM copy, so a loader's patches show
;   base    0040:0013, count 0040:0075; part: the 16 bytes at DS:SI on entry
; Numbers are hexadecimal.

        cpu     386
        bits    16
        org     0x7c00

COM1    equ     0x3f8
EXIT    equ     0x501
BUFFER  equ     0x8000          ; sector 0 of a drive
STATE   equ     0x8200          ; what is saved on entry; nothing a loader hands over lives here
s_dl    equ     STATE
s_cs    equ     STATE + 2
s_ss    equ     STATE + 4
s_sp    equ     STATE + 6
s_ds    equ     STATE + 8
s_si    equ     STATE + 10
s_rd    equ     STATE + 12      ; AH of the read of 80h, of 81h
s_sig   equ     STATE + 16      ; signature of 80h, of 81h

start:  jmp     short entry
        nop
        times   0x5a - ($ - $$) db 0    ; the volume's BPB

entry:  cli
        mov     ax, cs
        jmp     0:.here
.here:  mov     [cs:s_cs], ax
        mov     [cs:s_ss], ss
        mov     [cs:s_sp], sp
        mov     [cs:s_ds], ds
        mov     [cs:s_si], si
        mov     [cs:s_dl], dl
        xor     ax, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, 0x7000              ; not 7C00h: a partition entry may lie just below it
        sti
        cld
        push    ds                      ; for part=, the last thing said
        push    si
        mov     ds, ax

        mov     dx, 0x80
        mov     di, s_sig
        mov     si, s_rd
.drive: mov     dword [BUFFER + 0x1b8], 0xeeeeeeee
        mov     ax, 0x0201
        mov     bx, BUFFER
        mov     cx, 1
        push    dx
        push    di
        push    si
        int     0x13
        pop     si
        pop     di
        pop     dx
        mov     [si], ah
        mov     eax, [BUFFER + 0x1b8]
        mov     [di], eax
        add     di, 4
        inc     si
        inc     dx
        cmp     dl, 0x82
        jb      .drive

        mov     si, uart
.init:  lodsw                           ; port offset, value
        test    al, al
        js      report
        mov     dx, COM1
        add     dl, al
        mov     al, ah
        out     dx, al
        jmp     .init

report: mov     si, format
.next:  lodsb
        cmp     al, 5
        jb      .number
        call    putc
        jmp     .next
.number:
        movzx   cx, al                  ; so many bytes, highest first, of the variable that follows; 0 ends
        jcxz    .part
        lodsw
        xchg    ax, bx
        add     bx, cx
.byte:  dec     bx
        mov     al, [bx]
        call    hex8
        loop    .byte
        jmp     .next

.part:  pop     si
        pop     ds
        mov     cl, 16
.entry: lodsb
        call    hex8
        loop    .entry
        mov     al, 13
        call    putc
        mov     al, 10
        call    putc
.drain: in      al, dx                  ; putc left DX at the line status: wait until the last bit is out
        test    al, 0x40
        jz      .drain
        mov     dx, EXIT
        mov     al, 0x10
        out     dx, al
.halt:  hlt
        jmp     .halt

hex8:   push    ax
        shr     al, 4
        call    .digit
        pop     ax
        and     al, 15
.digit: cmp     al, 10
        sbb     al, 0x69
        das                             ; '0'..'9', 'A'..'F'
        or      al, 0x20                ; lower case, digits unchanged
putc:   push    ax
        mov     dx, COM1 + 5
.busy:  in      al, dx
        test    al, 0x20
        jz      .busy
        pop     ax
        mov     dl, COM1 & 0xff
        out     dx, al
        mov     dl, (COM1 + 5) & 0xff
        ret

uart:   db      1, 0,  3, 0x83,  0, 1,  1, 0,  3, 3,  2, 0xc7,  4, 3,  0xff, 0  ; 115200 8N1, polled

; Text, with numbers as: count of bytes (1 to 4), address.
format: db      13, 10, 'PAYLOAD tag='
        db      'A'                     ; the recipe puts the volume's tag here
        db      ' dl=', 1
        dw      s_dl
        db      ' rd80=', 1
        dw      s_rd
        db      ' sig80=', 4
        dw      s_sig
        db      ' rd81=', 1
        dw      s_rd + 1
        db      ' sig81=', 4
        dw      s_sig + 4
        db      ' count=', 1
        dw      0x475
        db      ' hidden=', 4
        dw      start + 0x1c
        db      ' spt=', 2
        dw      start + 0x18
        db      ' heads=', 2
        dw      start + 0x1a
        db      ' drv=', 1
        dw      start + 0x24
        db      ' base=', 2
        dw      0x413
        db      ' cs=', 2
        dw      s_cs
        db      ' ss=', 2
        dw      s_ss
        db      ' sp=', 2
        dw      s_sp
        db      ' ds=', 2
        dw      s_ds
        db      ' si=', 2
        dw      s_si
        db      ' part=', 0

        times   0x1fe - ($ - $$) db 0
        dw      0xaa55
