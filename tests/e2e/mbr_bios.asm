; SPDX-License-Identifier: MIT
; A BIOS of many kinds for the tests of the MBR code. Boot floppies begin with it; it moves to 9000:0000, hooks INT 13h,
; INT 18h and INT 3, loads sector 0 of a disk as a BIOS does and starts it with whatever the test chose to leave in DL.
; Owns the story it tells on COM1:
;
;   41+42-00+41+42+     the functions called, AH in hexadecimal; + done, - failed
;   18                  INT 18h was called; it returns
;   =ss es ds ...       an INT 3, such as a boot sector that has nothing but one: the words of `state` below, then the
;                       two words behind the INT 3. Then it leaves QEMU by isa-debug-exit with status 33.

        cpu 386
        bits 16
        org 0

HOME    equ 0x9000
EXIT    equ 0x501
FOREVER equ 0xFF
STATE   equ 14                          ; words: SS ES DS DI SI BP SP-6 BX DX CX AX IP CS FLAGS

        jmp short start
; What the test fills in.
disk:    db 0x80                        ; where sector 0 comes from
dl_told: db 0x80                        ; what DL says then
cs_told: dw 0                           ; CS that it is entered with: 0 or 07C0
edd:     db 0                           ; 0: the BIOS's. Else none, and AH=41h 1: fails, 2: succeeds, CX odd, but BX as
                                        ; it was, 3: tells of other extensions only, 4: returns at once, flags and all
                                        ; untouched, 5: fails, but with the answer of one that has them
bad:     db 0                           ; so many reads go wrong, or FOREVER: ...
status:  db 4                           ; ... they fail with this in AH,
silent:  db 0                           ; 1: ... or report success and deliver nothing,
                                        ; 2: ... or the first delivers rubbish and 55AAh and fails, and the others as 1
geometry: db 0                          ; 0: the BIOS's. AH=08h 1: fails, 2: tells no sectors, 3: tells of `heads` and
                                        ; `sectors`, and CHS reads go by them, 4: returns at once, all untouched
heads:   db 0                           ; the last one
sectors: db 0
dirty:   db 0                           ; 1: lose every register that a BIOS has been seen to lose, IF and DF too

start:
        cli
        mov ax, 0x8000                  ; a BIOS's stack may be anywhere
        mov ss, ax
        mov sp, ax
        xor ax, ax
        mov ds, ax
        mov ax, HOME
        mov es, ax
        mov si, 0x7C00
        xor di, di
        mov cx, 256
        cld
        rep movsw
        jmp HOME:.moved
.moved:
        ; INT 13h AH=02h: CHS 0/0/2 of the floppy, the rest of us, to ES:BX
        mov ax, 0x0201
        mov bx, 512
        mov cx, 2
        xor dx, dx
        int 0x13
        jc $
        mov dx, COM1 + 3                ; eight bits: Bochs heeds it
        mov al, 3
        out dx, al
        mov eax, [0x13 * 4]
        mov [cs:old], eax
        mov ax, cs
        shl eax, 16
        mov ax, hook
        mov [0x13 * 4], eax
        mov ax, int18
        mov [0x18 * 4], eax
        mov ax, int3h
        mov [3 * 4], eax
        sti
        push ds
        pop es
        ; INT 13h AH=02h: CHS 0/0/1 of the disk to ES:BX
        mov ax, 0x0201
        mov bx, 0x7C00
        mov cx, 1
        mov dh, 0
        mov dl, [cs:disk]
        pushf
        call far [cs:old]
        jc $
        mov ax, 0x0E2E                  ; INT 10h AH=0Eh: the cursor is no more where a line begins
        int 0x10
        mov dl, [cs:dl_told]
        mov ax, 0x7C00
        cmp word [cs:cs_told], 0
        je .go
        xor ax, ax
.go:
        push word [cs:cs_told]
        push ax
        mov bx, 0xBAD0                  ; nothing is to be had from here
        mov ds, bx
        mov es, bx
        mov cx, bx
        mov si, bx
        mov di, bx
        mov bp, bx
        std
        cli
        retf

hook:
        mov [cs:function], ah
        push ax
        mov al, ah
        call hex8
        pop ax
        cmp ah, 0x08
        je .geometry
        cmp ah, 0x02
        je .read
        cmp byte [cs:edd], 0
        je .has_edd
        cmp ah, 0x42
        je .refuse
        cmp ah, 0x41
        je .check
.has_edd:
        cmp ah, 0x42
        je .read
.pass:
        pushf
        call far [cs:old]
.out:
        push bp
        mov bp, sp
        rcr byte [bp + 6], 1            ; CF into the caller's FLAGS
        rol byte [bp + 6], 1
        push ax
        mov al, '+'
        jnc .tell
        mov al, '-'
.tell:
        call put
        pop ax
        cmp byte [cs:dirty], 0
        je .clean
        call lose
        or byte [bp + 7], 4             ; DF on,
        and byte [bp + 7], ~2           ; IF off
        pop bp
        mov bp, 0xDEAD
        iret
.clean:
        pop bp
        iret

.refuse:
        mov ah, 1
.fail:
        stc
        jmp .out

.check:
        mov cx, 1
        cmp byte [cs:edd], 2
        jb .refuse
        je .told
        cmp byte [cs:edd], 4
        je .at_once
        mov bx, 0xAA55
        ja .refuse
        inc cx
.told:
        clc
        jmp .out
.at_once:
        iret

.geometry:
        test di, di                     ; some need it to be 0
        jnz .refuse
        cmp byte [cs:geometry], 1
        jb .pass
        je .refuse
        cmp byte [cs:geometry], 4
        je .at_once
        mov ah, 0
        xor cx, cx
        cmp byte [cs:geometry], 2
        je .told
        mov dh, [cs:heads]
        mov cx, 0xFFC0
        or cl, [cs:sectors]
        jmp .told

        times 510 - ($ - $$) db 0
        dw 0xAA55

.read:
        cmp byte [cs:bad], 0
        je .good
        cmp byte [cs:bad], FOREVER
        je .wrong
        dec byte [cs:bad]
.wrong:
        mov ah, 0
        cmp byte [cs:silent], 1
        je .told
        mov ah, [cs:status]
        jb .fail
        dec byte [cs:silent]
        mov word [ss:0x7DFE], 0xAA55    ; SS is 0 by now
        jmp .fail
.good:
        cmp ah, 0x02
        jne .pass
        cmp byte [cs:geometry], 3
        jne .pass
        pushad                          ; LBA = (cylinder * heads + head) * sectors + sector - 1
        push ds
        mov [cs:target], bx
        mov [cs:target + 2], es
        movzx eax, cl
        shl ax, 2
        mov al, ch
        and ah, 3
        movzx ebx, byte [cs:heads]
        inc ebx
        push dx
        mul ebx
        pop dx
        movzx ebx, dh
        add eax, ebx
        movzx ebx, byte [cs:sectors]
        push dx
        mul ebx
        pop dx
        and ecx, 0x3F
        add eax, ecx
        dec eax
        mov [cs:lba], eax
        push cs
        pop ds
        mov si, packet
        mov ah, 0x42
        pushf
        call far [cs:old]
        pop ds
        popad
        mov ah, 0
        jmp .out

; What no function returns anything in, and the upper half of every register.
lose:
        mov si, 0xDEAD
        mov ds, si
        mov es, si
        mov di, si
        ror eax, 16
        mov ax, si
        ror eax, 16
        ror ebx, 16
        mov bx, si
        ror ebx, 16
        ror ecx, 16
        mov cx, si
        ror ecx, 16
        ror edx, 16
        mov dx, si
        ror edx, 16
        cmp byte [cs:function], 0x08
        je .done
        mov dx, si
        cmp byte [cs:function], 0x41
        je .done
        mov bx, si
        mov cx, si
.done:
        ret

int18:
        mov al, 0x18
        call hex8
        iret

int3h:
        pusha
        push ds
        push es
        push ss
        cld
        mov al, '='
        call put
        mov si, sp
        mov cx, STATE
.word:
        ss lodsw
        call hex16
        loop .word
        mov ax, [ss:0x7C01]
        call hex16
        mov ax, [ss:0x7C03]
        call hex16
        mov al, 10
        call put
        mov dx, COM1 + 5
.drain:
        in al, dx
        test al, 0x40
        jz .drain
        mov dx, EXIT
        mov al, 0x10
        out dx, al
        hlt

hex16:
        push ax
        mov al, ah
        call hex8
        pop ax
        call hex8
        mov al, ' '
        jmp put

; In: AL; clobbers: AL
hex8:
        push ax
        shr al, 4
        call .digit
        pop ax
        and al, 15
.digit:
        add al, '0'
        cmp al, '9'
        jbe put
        add al, 'a' - '9' - 1
%include "com1.inc"

packet:  dw 16, 1
target:  dw 0, 0
lba:     dd 0, 0
old:     dd 0
function: db 0
        times 1024 - ($ - $$) db 0
