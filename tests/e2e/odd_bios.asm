; SPDX-License-Identifier: MIT
; A BIOS as QEMU has none: without INT 13h extensions, or one that reports success for reads it never made. Takes the
; boot sector's place on the floppy, moves to 9000:0000, hooks INT 13h, loads the real boot sector from the image's last
; sector and starts it. Counts extended calls on hard disks, and CHS calls, for the test to see in memory.

        cpu 386
        bits 16
        org 0

HOME    equ 0x9000

        jmp short start
        nop
no_edd: db 0                            ; 1: AH=41h-48h fail for hard disks
silent: db 0                            ; a drive whose reads "succeed" and deliver nothing; 0: none
real:   dw 0                            ; LBA of the real boot sector
large:  db 0                            ; a drive that says its sectors are of 4096 bytes; 0: none

        times 0x3E - ($ - $$) db 0      ; the rest of a BPB, which the test copies here

start:
        cli
        xor ax, ax
        mov ss, ax
        mov sp, 0x7C00
        mov ds, ax
        mov ax, HOME
        mov es, ax
        mov si, 0x7C00
        xor di, di
        mov cx, 256
        cld
        rep movsw
        jmp HOME:.moved
.moved: mov eax, [0x13 * 4]
        mov [cs:old], eax
        mov word [0x13 * 4], hook
        mov [0x13 * 4 + 2], cs
        sti
        push ds
        pop es
        ; INT 13h AH=02h, CHS from the LBA on a 1.44 MB floppy
        mov ax, [cs:real]
        mov bl, 18
        div bl
        mov cl, ah
        inc cl
        mov dh, al
        and dh, 1
        shr al, 1
        mov ch, al
        mov ax, 0x0201
        mov bx, 0x7C00
        mov dl, 0
        int 0x13
        mov dl, 0
        jmp 0x0000:0x7C00

hook:
        test dl, dl
        jns .pass
        cmp byte [cs:no_edd], 0
        je .reads
        cmp ah, 0x41
        jb .reads
        cmp ah, 0x48
        jbe .refuse
.reads: cmp ah, 0x48
        jne .quiet
        cmp [cs:large], dl
        je .large
.quiet: cmp [cs:silent], dl
        jne .pass
        cmp ah, 0x02
        je .lie
        cmp ah, 0x42
        je .lie
.pass:  jmp far [cs:old]
.lie:   mov ah, 0
        push bp
        mov bp, sp
        and byte [bp + 6], 0xFE
        pop bp
        iret
.large: pushf
        call far [cs:old]
        mov word [si + 0x18], 4096
        sti
        retf 2
.refuse:
        mov ah, 0x01
        push bp
        mov bp, sp
        or byte [bp + 6], 0x01
        pop bp
        iret

old:    dd 0

        times 510 - ($ - $$) db 0
        dw 0xAA55
