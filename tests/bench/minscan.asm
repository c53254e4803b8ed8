; SPDX-License-Identifier: MIT
; minscan.asm - the least that fails over: 80h, 81h .. 8Fh in turn, and the first drive whose sector 0 can be read and
; ends in AA55h is started, as the drive it is. Owns the bench's idea of the physical limit: one floppy sector.
        cpu     8086
        bits    16
        org     0x600

start:  jmp     short entry
        nop
        times   0x3e - ($ - $$) db 0    ; room for a BPB
entry:  cli
        xor     ax, ax
        mov     ss, ax
        mov     sp, 0x7c00
        mov     ds, ax
        mov     es, ax
        sti
        cld
        mov     si, 0x7c00
        mov     di, 0x600
        mov     cx, 256
        rep     movsw
        jmp     0:moved
moved:  mov     dl, 0x80
try:    mov     ax, 0x0201
        mov     bx, 0x7c00
        mov     cx, 1
        mov     dh, 0
        push    dx
        int     0x13
        pop     dx
        jc      next
        cmp     word [0x7dfe], 0xaa55
        jne     next
        jmp     0:0x7c00
next:   inc     dx
        cmp     dl, 0x90
        jb      try
        mov     si, text
print:  lodsb
        test    al, al
        jz      halt
        mov     ah, 0x0e
        mov     bx, 7
        push    si
        int     0x10
        pop     si
        jmp     print
halt:   hlt
        jmp     halt
text:   db      'no disk', 13, 10, 0
        times   510 - ($ - $$) db 0
        dw      0xaa55
