; SPDX-License-Identifier: MIT
; A file in NTLDR's place. Owns what NTLDR could tell about the state it was entered in: one line on COM1,
;
;   PAYLOAD dl=80 cs=2000 ss=0000 sp=7c00 ds=0000 hidden=0000003f spt=003f heads=0010 drv=80 mark=aa55 boot=1234
;   sum=5678 rd80=00 sig80=5e6f7a8b
;
; (one line in truth), where hidden to mark are fields of the sector at 0000:7C00, boot is the sum of that sector, sum
; that of this file from its second sector on (rotate left by one, add the next word), and sig80 the signature of the
; disk that answers as 80h. Then it leaves QEMU by isa-debug-exit with status 33. It is entered at its first byte.

        cpu 386
        bits 16
        org 0

EXIT    equ 0x501
BOOT    equ 0x7C00
BUFFER  equ 0x8000

        jmp short start
        times 4 - ($ - $$) db 0
length: dd 0                            ; of the file, even; above 512; the test fills it in

start:
        mov [cs:v_dl], dl
        mov [cs:v_cs], cs
        mov [cs:v_ss], ss
        mov [cs:v_sp], sp
        mov [cs:v_ds], ds
        xor ax, ax
        mov ds, ax
        mov eax, [BOOT + 0x1C]
        mov [cs:v_hidden], eax
        mov eax, [BOOT + 0x18]
        mov [cs:v_spt], eax             ; and the heads behind it
        mov al, [BOOT + 0x24]
        mov [cs:v_drv], al
        mov ax, [BOOT + 510]
        mov [cs:v_mark], ax
        mov ecx, 512
        push word BOOT / 16
        pop es
        call sum
        mov [cs:v_boot], ax
        mov ecx, [cs:length]
        sub ecx, 512                    ; the first sector has changed by now
        mov ax, cs
        add ax, 512 / 16
        mov es, ax
        call sum
        mov [cs:v_sum], ax

        xor ax, ax
        mov es, ax
        mov dword [es:BUFFER + 440], 0xEEEEEEEE
        mov ax, 0x0201                  ; INT 13h AH=02h: AL = 1, CX = 0:1, DH = 0, DL = drive, ES:BX
        mov bx, BUFFER
        mov cx, 1
        mov dx, 0x80
        int 0x13
        mov [cs:v_rd], ah
        mov eax, [BUFFER + 440]
        mov [cs:v_sig], eax

        push cs
        pop ds
        cld
        mov si, line
.part:
        lodsw                           ; address of the value, number of bytes, text in front of it
        or ax, ax
        jz .end
        xchg bx, ax
        lodsb
        movzx cx, al
.text:
        lodsb
        or al, al
        jz .value
        call put
        jmp .text
.value:
        add bx, cx
.byte:
        dec bx
        mov al, [bx]
        call hex
        loop .byte
        jmp .part
.end:
        mov al, 13
        call put
        mov al, 10
        call put
        mov dx, EXIT
        mov al, 0x10
        out dx, al
        hlt

%include "sum.inc"

; In: AL = byte; clobbers: AL
hex:
        push ax
        shr al, 4
        call .digit
        pop ax
        and al, 15
.digit:
        cmp al, 10
        sbb al, 0x69
        das
        or al, 0x20

%include "com1.inc"

%macro value 3
        dw %2
        db %3, %1, 0
%endmacro

line:
        value {13, 10, 'PAYLOAD dl='}, v_dl, 1
        value ' cs=', v_cs, 2
        value ' ss=', v_ss, 2
        value ' sp=', v_sp, 2
        value ' ds=', v_ds, 2
        value ' hidden=', v_hidden, 4
        value ' spt=', v_spt, 2
        value ' heads=', v_spt + 2, 2
        value ' drv=', v_drv, 1
        value ' mark=', v_mark, 2
        value ' boot=', v_boot, 2
        value ' sum=', v_sum, 2
        value ' rd80=', v_rd, 1
        value ' sig80=', v_sig, 4
        dw 0

v_dl:     db 0
v_cs:     dw 0
v_ss:     dw 0
v_sp:     dw 0
v_ds:     dw 0
v_hidden: dd 0
v_spt:    dd 0
v_drv:    db 0
v_mark:   dw 0
v_boot:   dw 0
v_sum:    dw 0
v_rd:     db 0
v_sig:    dd 0
        times 512 - ($ - $$) db 0
