; SPDX-License-Identifier: MIT
; The front of STAGE2.BIN, which is not packed: finds out whether this machine can run the loader at all, enters
; protected mode and unpacks the rest. Owns the first minute of the loader; knows nothing of disks.

%include "layout.inc"

CODE_32 equ 0x08                        ; the selectors of the GDT below, the same as in thunk.asm
DATA_32 equ 0x10

        bits 16
        cpu 8086                        ; up to the point where the CPU is known to be a 386
        org 0

; In:   CS:IP = LOAD_SEGMENT:0000, DL = boot drive, SS:SP = 0000:STACK_TOP; from our boot sector SI = BOOT_MAGIC,
;       BX = LBA of the sector at FAT_WINDOW, CX = LBA of the sector at ROOT_WINDOW
; Out:  does not return: goes on at STAGE2_BASE in protected mode with EAX = DL, EDX = SI, ECX = CX:BX
entry:
        cld
        push    cs
        pop     ds
        mov     di, text_cpu
        call    is_386
        jc      stop
        mov     di, text_memory
        ; INT 12h  Call with: nothing. Returns: AX = KiB of base memory.
        int     0x12
        cmp     ax, BASE_MEMORY_MIN_KIB
        jb      stop

        cpu 386
        cli                             ; from here on interrupts are open only inside bios_int
        movzx   eax, dl
        movzx   edx, si
        shl     ecx, 16
        mov     cx, bx
        lgdt    [gdt_pointer]
        mov     ebx, cr0
        or      bl, 1
        mov     cr0, ebx
        jmp     dword CODE_32:(LOAD_BASE + enter_32)

; Is this CPU a 386 or better?
; Out:  CF = 0 yes. An 8086 cannot clear FLAGS 12-15; a 286 in real mode cannot set 12-14.
; Clobbers: AX
        cpu 8086
is_386:
        pushf
        xor     ax, ax
        push    ax
        popf
        pushf
        pop     ax
        and     ah, 0xF0
        cmp     ah, 0xF0
        je      .no
        mov     ax, 0x7000
        push    ax
        popf
        pushf
        pop     ax
        test    ah, 0x70
        jz      .no
        popf
        clc
        ret
.no:    popf
        stc
        ret

; Show the NUL-terminated text at DS:DI, wait for a key, restart.
stop:   mov     al, [di]
        inc     di
        test    al, al
        jz      .key
        ; INT 10h AH=0Eh  Call with: AL = character, BX = page and colour. Some BIOSes destroy BP.
        mov     ah, 0x0E
        mov     bx, 7
        int     0x10
        jmp     stop
        ; INT 16h AH=00h  Call with: nothing. Returns: AX = key.
.key:   mov     ah, 0
        int     0x16
        jmp     0xFFFF:0x0000

text_cpu        db 13, 10, 'Needs a 386. Press a key.', 0
text_memory     db 13, 10, 'Needs 576 KB base memory. Press a key.', 0

        cpu 386
        bits 32
enter_32:
        mov     bx, DATA_32
        mov     ds, bx
        mov     es, bx
        mov     ss, bx
        mov     esp, STACK_TOP
        pushad
        mov     esi, LOAD_BASE + packed
        mov     edi, STAGE2_BASE
        call    unpack
        popad
        mov     ebx, STAGE2_BASE
        jmp     ebx                     ; absolute: this code is not linked to where it runs

%include "unpack.asm"

        align 8
gdt:    dq 0
        dq 0x00CF9A000000FFFF           ; CODE_32: flat
        dq 0x00CF92000000FFFF           ; DATA_32: flat
gdt_pointer:
        dw gdt_pointer - gdt - 1
        dd LOAD_BASE + gdt

packed: incbin "stage2.packed"
