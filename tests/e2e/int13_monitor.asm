; SPDX-License-Identifier: MIT
; A boot floppy that lets a test on COM1 read and write memory below 1 MiB and execute interrupts with all registers
; chosen. Owns the three commands and the spy; knows nothing of the drive map it is used on.
;
; It says "monitor" and the offsets of spy, spy_in and spy_out (16 bits each). Each command is one letter and
; little-endian binary, and answers with the bytes named, then '.':
;   r segment:16 offset:16 length:16              -> length bytes
;   w segment:16 offset:16 length:16 bytes        -> nothing more
;   x vector:8 registers:38                       -> registers:38
; The registers are EDI ESI EBP ESP EBX EDX ECX EAX (ESP ignored on the way in), ES DS FLAGS.
; On the way out ESP tells whether the handler kept the stack: see STACK_OUT.

        cpu     386
        bits    16
        org     0x7C00

COM1            equ     0x3F8
LINE_STATUS     equ     COM1 + 5
REGISTERS_SIZE  equ     38
REGISTERS       equ     0x7A00          ; nothing lies below it down to 7800h: an interrupt may use that as its stack
STACK_OUT       equ     0x7900          ; the stack the interrupt is executed on
STACK           equ     0x7700          ; the monitor's own

start:  jmp     0:.here
.here:  xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, STACK
        sti
        cld

; INT 13h AH=02h: the second sector of the floppy, to follow this one. AL = 1, CX = 0:2, DH = 0, DL = drive, ES:BX.
        mov     ax, 0x0201
        mov     bx, second
        mov     cx, 2
        xor     dx, dx
        int     0x13
        jc      $

        mov     dx, COM1 + 3            ; 115200 8N1, FIFO on
        mov     al, 0x83
        out     dx, al
        mov     dx, COM1
        mov     ax, 1
        out     dx, ax
        mov     dx, COM1 + 3
        mov     al, 3
        out     dx, al
        dec     dx
        mov     al, 7
        out     dx, al
        mov     si, hello
        mov     cx, hello_size
        call    send

; One command after the other, for ever.
main:   call    get
        cmp     al, 'r'
        je      read
        cmp     al, 'w'
        je      write
        cmp     al, 'x'
        je      execute
        jmp     main

done:   xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     al, '.'
        call    put
        jmp     main

read:   call    get_word
        mov     ds, ax
        call    get_word
        mov     si, ax
        call    get_word
        mov     cx, ax
        call    send
        jmp     done

; Interrupts stay off until the last byte is stored, so that a vector changes at once.
write:  call    get_word
        mov     es, ax
        call    get_word
        mov     di, ax
        call    get_word
        mov     cx, ax
        cli
        call    receive
        sti
        jmp     done

; In: CX = count, DS:SI. Clobbers: AX, CX, SI
send:   lodsb
        call    put
        loop    send
        ret

; In: CX = count, ES:DI. Clobbers: AX, CX, DI
receive:
        call    get
        stosb
        loop    receive
        ret

; Out: AX. Clobbers: none
get_word:
        call    get
        push    ax
        call    get
        mov     ah, al
        pop     dx
        mov     al, dl
        ret

; Out: AL. Clobbers: DX
get:    mov     dx, LINE_STATUS
.wait:  in      al, dx
        test    al, 0x01
        jz      .wait
        mov     dx, COM1
        in      al, dx
        ret

; In: AL. Clobbers: AH, DX
put:    mov     ah, al
        mov     dx, LINE_STATUS
.wait:  in      al, dx
        test    al, 0x20
        jz      .wait
        mov     dx, COM1
        mov     al, ah
        out     dx, al
        ret

hello:  db      'monitor'
        dw      spy, spy_in, spy_out
hello_size      equ     $ - hello

        times   510 - ($ - $$) db 0
        dw      0xAA55

second:
execute:
        call    get
        mov     [.vector], al
        mov     di, REGISTERS
        mov     cx, REGISTERS_SIZE
        call    receive
        cli
        mov     sp, REGISTERS
        popad
        pop     es
        pop     ds
        popf
        lss     sp, [cs:.stack]         ; MOV and LSS leave the flags alone
        db      0xCD                    ; INT
.vector:
        db      0
        pushf
        push    ds
        push    es
        pushad
        cli
        cld
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     si, sp
        mov     ss, ax
        mov     sp, STACK
        sti
        mov     cx, REGISTERS_SIZE
        call    send
        jmp     done
.stack: dw      STACK_OUT, 0

; Stands in for a BIOS handler: keeps what it was entered with in spy_in (registers as above, then IP, CS, FLAGS of
; the caller) and comes back with the registers in spy_out, by RETF 2.
; In: SS = 0. Out: spy_in. Clobbers: all, by design
        align   16
spy:    pushf
        push    ds
        push    es
        pushad
        cld
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     si, sp
        mov     di, spy_in
        mov     cx, REGISTERS_SIZE + 6
        rep     movsb
        mov     si, spy_out
        mov     di, sp
        mov     cx, REGISTERS_SIZE
        rep     movsb
        popad
        pop     es
        pop     ds
        popf
        retf    2

        times   512 + 256 - ($ - $$) db 0
spy_in: times   REGISTERS_SIZE + 6 db 0
        align   64
spy_out:
        times   REGISTERS_SIZE db 0
        times   1474560 - ($ - $$) db 0
