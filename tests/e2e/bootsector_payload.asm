; SPDX-License-Identifier: MIT
; The file that the boot sector loads in its tests. Owns what that file can tell about the state it was entered in: one
; line on COM1,
;
;   PAYLOAD dl=00 si=4654 bx=0001 cx=0013 cs=2000 ss=0000 sp=7c00 ds=0000 es=0000 flags=0202 sum=1234 fat=...
;
; and so on, where sum is that of the file from its second sector on, fat, root and boot are those of the sectors at
; 0000:0600, 0000:0800 and 0000:7C00 (rotate left by one, add the next word). Then it leaves QEMU by isa-debug-exit with
; status 33.

        cpu 386
        bits 16
        org 0

EXIT    equ 0x501

        jmp short start
        times 4 - ($ - $$) db 0
length: dd 0                            ; of the file, even; above 512; the test fills it in

start:
        pushf
        pop word [cs:flags]
        mov [cs:v_dl], dl
        mov [cs:v_si], si
        mov [cs:v_bx], bx
        mov [cs:v_cx], cx
        mov [cs:v_cs], cs
        mov [cs:v_ss], ss
        mov [cs:v_sp], sp
        mov [cs:v_ds], ds
        mov [cs:v_es], es
        xor eax, eax
        xor bx, bx
        mov ecx, 512
        push word 0x60
        pop es
        call sum
        mov [cs:v_fat], ax
        mov ecx, 512
        push word 0x80
        pop es
        call sum
        mov [cs:v_root], ax
        mov ecx, 512
        push word 0x7C0
        pop es
        call sum
        mov [cs:v_boot], ax
        mov ecx, [cs:length]
        sub ecx, values_end             ; the first sector has changed by now
        mov ax, 0x2000 + values_end / 16
        mov es, ax
        call sum
        mov [cs:v_sum], ax

        push cs
        pop ds
        cld
        mov si, line
.part:
        lodsw                           ; address of the text, of the value, number of digits
        or ax, ax
        jz .flags
        xchg bx, ax
        call print
        lodsw
        xchg bx, ax
        mov dx, [bx]
        lodsw
        xchg cx, ax
        call hex
        jmp .part
.flags:
        mov bx, t_end
        call print
        mov dx, EXIT
        mov al, 0x10
        out dx, al
        hlt

%include "sum.inc"

; In: BX = text that ends with a zero; clobbers: AL BX
print:
        mov al, [bx]
        or al, al
        jz .done
        call put
        inc bx
        jmp print
.done:
        ret

; In: DX = value, CX = digits; clobbers: AX CX DX
hex:
        mov ax, cx
        neg al
        add al, 4
        shl al, 2
        xchg cx, ax
        shl dx, cl
        xchg cx, ax
.digit:
        rol dx, 4
        mov al, dl
        and al, 15
        cmp al, 10
        sbb al, 0x69
        das
        or al, 0x20
        call put
        loop .digit
        ret

%include "com1.inc"

t_dl:   db 13, 10, 'PAYLOAD dl=', 0
t_si:   db ' si=', 0
t_bx:   db ' bx=', 0
t_cx:   db ' cx=', 0
t_cs:   db ' cs=', 0
t_ss:   db ' ss=', 0
t_sp:   db ' sp=', 0
t_ds:   db ' ds=', 0
t_es:   db ' es=', 0
t_fl:   db ' flags=', 0
t_sum:  db ' sum=', 0
t_fat:  db ' fat=', 0
t_root: db ' root=', 0
t_boot: db ' boot=', 0
t_end:  db 13, 10, 0
line:   dw t_dl, v_dl, 2, t_si, v_si, 4, t_bx, v_bx, 4, t_cx, v_cx, 4, t_cs, v_cs, 4, t_ss, v_ss, 4, t_sp, v_sp, 4
        dw t_ds, v_ds, 4, t_es, v_es, 4, t_fl, flags, 4, t_sum, v_sum, 4, t_fat, v_fat, 4, t_root, v_root, 4
        dw t_boot, v_boot, 4, 0

v_dl:   dw 0
v_si:   dw 0
v_bx:   dw 0
v_cx:   dw 0
v_cs:   dw 0
v_ss:   dw 0
v_sp:   dw 0
v_ds:   dw 0
v_es:   dw 0
flags:  dw 0
v_sum:  dw 0
v_fat:  dw 0
v_root: dw 0
v_boot: dw 0
        times 512 - ($ - $$) db 0
values_end equ $ - $$
