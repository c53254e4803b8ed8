; SPDX-License-Identifier: MIT
; A bad floppy, or a bad BIOS, for the tests of the boot sector: QEMU cannot make floppy reads fail. Owns INT 13h: it
; takes the boot sector's place in the image, moves to 9000:0000, hooks the vector, loads the real boot sector from
; another place of the image and starts it. Reads that cover one sector then fail, a number of times or for ever; a read
; that follows a failed one without a reset in between fails as well. It tells COM1 what it sees: r a good read, E a
; failing one, 0 a reset, N a read that lacked its reset.

        cpu 8086
        bits 16
        org 0

HOME    equ 0x9000
FOREVER equ 0xFFFF

        jmp short start
target: dw 0                            ; LBA that is bad, ...
repeats: dw 0                           ; ... so many times, or FOREVER
real:   dw 0                            ; LBA of the real boot sector
track:  dw 18                           ; geometry
heads:  dw 2
status: db 4                            ; what AH tells
dirty:  db 0                            ; 1: lose every register that a BIOS has been seen to lose, IF and DF too,
                                        ; and start the boot sector at 07C0:0000

start:
        cli
        xor ax, ax
        mov ss, ax
        mov sp, 0x7C00
        sti
        cld
        mov ds, ax
        cmp word [0x13 * 4 + 2], HOME   ; started again by INT 19h: we are there already
        je .hooked
        mov ax, HOME
        mov es, ax
        mov si, 0x7C00
        xor di, di
        mov cx, 256
        rep movsw
        jmp HOME:.moved
.moved:
        mov ax, [0x13 * 4]
        mov [es:old], ax
        mov ax, [0x13 * 4 + 2]
        mov [es:old + 2], ax
        mov word [0x13 * 4], hook
        mov [0x13 * 4 + 2], es
.hooked:
        jmp HOME:.load
.load:
        push ds
        pop es
        push dx
        mov ax, [cs:real]
        xor dx, dx
        div word [cs:track]
        mov cx, dx
        inc cx
        xor dx, dx
        div word [cs:heads]
        mov ch, al
        mov al, dl
        pop dx
        mov dh, al
        mov bx, 0x7C00
        mov ax, 0x0201
        pushf
        call far [cs:old]
        jc $
        cmp byte [cs:dirty], 0
        jne .other_segment
        jmp 0:0x7C00
.other_segment:
        jmp 0x07C0:0

hook:
        or ah, ah
        jnz .not_reset
        mov byte [cs:unreset], 0
        push ax
        mov al, '0'
        call put
        pop ax
.not_reset:
        cmp ah, 2
        je .read
        jmp far [cs:old]
.read:
        push bp
        mov bp, sp
        push bx
        push dx
        push ax
        cmp cx, 1                       ; the BIOS itself, starting us again; it need not reset
        jne .not_boot
        or dh, dh
        jz .good
.not_boot:
        cmp byte [cs:unreset], 0
        mov al, 'N'
        jne .fail
        mov al, ch                      ; first LBA = (cylinder * heads + head) * track + sector - 1
        mov ah, 0
        mov bl, dh
        mov bh, 0
        mul word [cs:heads]
        add ax, bx
        mul word [cs:track]
        mov bl, cl
        add ax, bx
        dec ax
        mov dx, [cs:target]
        sub dx, ax
        jb .good
        mov al, [bp - 6]
        mov ah, 0
        cmp dx, ax
        jae .good
        cmp word [cs:repeats], 0
        je .good
        cmp word [cs:repeats], FOREVER
        je .bad
        dec word [cs:repeats]
.bad:
        mov al, 'E'
.fail:
        call put
        mov byte [cs:unreset], 1
        pop ax
        pop dx
        pop bx
        mov ah, [cs:status]
        mov al, 0
        or byte [bp + 6], 1
        jmp .leave
.good:
        mov al, 'r'
        call put
        pop ax
        pop dx
        pop bx
        pushf
        call far [cs:old]
        and byte [bp + 6], 0xFE
        jnc .leave
        or byte [bp + 6], 1
.leave:
        cmp byte [cs:dirty], 0
        je .return
        mov bx, 0xDEAD
        mov cx, bx
        mov dx, bx
        mov si, bx
        mov di, bx
        mov es, bx
        and byte [bp + 7], ~2           ; IF off
        or byte [bp + 7], 4             ; DF on
.return:
        pop bp
        iret

%include "com1.inc"

old:     dw 0, 0
unreset: db 0
        times 510 - ($ - $$) db 0
        dw 0xAA55
