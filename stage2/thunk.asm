; SPDX-License-Identifier: MIT
; bios_int: the only code that leaves protected mode and comes back, and nobody else executes INT. Owns the GDT and the
; mode changes drawn in MEMORY.md; knows nothing of what the BIOS is asked.

%include "layout.inc"

CODE_32 equ 0x08
DATA_32 equ 0x10
CODE_16 equ 0x18
DATA_16 equ 0x20
OPCODE_INT equ 0xCD
OPCODE_HALT equ 0x90F4                  ; HLT, NOP

        extern stage2_main
        global start, bios_int, bios_idle, real_jump

        cpu 386
        section .start progbits alloc exec nowrite align=4
        bits 32

; Where entry.asm jumps to.
; In:   EAX = boot drive, EDX = BOOT_MAGIC if our boot sector was here, ECX = its two LBAs
start:
        lgdt    [gdt_pointer]           ; entry.asm's GDT lies where NTLDR will
        mov     esp, STACK_TOP
        call    stage2_main
.halt:  hlt                             ; stage2_main does not return
        jmp     .halt

; void bios_int(uint8_t vector, const struct bios_regs *in, struct bios_regs *out)
; In:   AL = vector, EDX = in, ECX = out (may be the same). The BIOS gets exactly what `in` says, with interrupts on.
; Out:  [out] = all registers and flags as the BIOS left them
; Clobbers: EAX, ECX, EDX
bios_int:
        mov     ah, al
        mov     al, OPCODE_INT
        jmp     go_down

; void bios_idle(void): wait for the next interrupt, so that BIOS clock and keyboard go on.
; Clobbers: EAX, ECX, EDX
bios_idle:
        mov     eax, OPCODE_HALT
        mov     edx, regs
        mov     ecx, regs

; In:   AX = the two bytes to execute in real mode
go_down:
        pushad
        mov     [instruction], ax
        mov     [out_pointer], ecx
        mov     esi, edx
        mov     edi, regs
        mov     ecx, REGS_DWORDS
        rep     movsd
        mov     [saved_esp], esp
        jmp     CODE_16:to_real

came_up:
        mov     ax, DATA_32
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     esp, [saved_esp]
        cld
        mov     esi, regs
        mov     edi, [out_pointer]
        mov     ecx, REGS_DWORDS
        rep     movsd
        popad
        ret

; void real_jump(uint32_t target, uint32_t drive, uint32_t si): leave for good.
; In:   EAX = segment:offset to jump to, EDX = DL for it, ECX = SI for it
; Out:  does not return: real mode, DL, DS:SI = 0000:SI, BP = SI as a standard MBR leaves it, SS:SP = 0000:7C00, IF on
real_jump:
        mov     [target], eax
        mov     [regs.edx], edx
        mov     [regs.esi], ecx
        mov     byte [leaving], 1
        jmp     CODE_16:to_real

        section .text16 progbits alloc exec write align=4
        bits 16
to_real:
        mov     ax, DATA_16             ; limits of 64 KiB, as real mode expects to find them in the hidden registers
        mov     ds, ax
        mov     es, ax
        mov     fs, ax
        mov     gs, ax
        mov     ss, ax
        lidt    [real_idt]
        mov     eax, cr0
        and     al, 0xFE
        mov     cr0, eax
        jmp     0x0000:.real
.real:  xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     fs, ax
        mov     gs, ax
        mov     ss, ax
        cmp     byte [leaving], 0
        jne     leave_for_good
        mov     ax, [regs.es]
        mov     es, ax
        push    word [regs.flags]
        popf
        mov     eax, [regs.eax]
        mov     ebx, [regs.ebx]
        mov     ecx, [regs.ecx]
        mov     edx, [regs.edx]
        mov     esi, [regs.esi]
        mov     edi, [regs.edi]
        mov     ebp, [regs.ebp]
        mov     ds, [regs.ds]
        sti
instruction:
        int     0                       ; written by go_down; the far jumps since then have emptied the prefetch queue
        cli
        mov     [cs:regs.ds], ds
        push    cs
        pop     ds
        mov     [regs.eax], eax
        mov     [regs.ebx], ebx
        mov     [regs.ecx], ecx
        mov     [regs.edx], edx
        mov     [regs.esi], esi
        mov     [regs.edi], edi
        mov     [regs.ebp], ebp
        mov     [regs.es], es
        pushf
        pop     word [regs.flags]
        lgdt    [gdt_pointer]           ; some BIOS calls load a GDT of their own
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        jmp     dword CODE_32:came_up

leave_for_good:
        mov     sp, STACK_TOP
        mov     dx, [regs.edx]
        mov     si, [regs.esi]
        mov     bp, si
        sti
        jmp     far [target]

        section .data16 progbits alloc noexec write align=8
        align 8
gdt:    dq 0
        dq 0x00CF9A000000FFFF           ; CODE_32
        dq 0x00CF92000000FFFF           ; DATA_32
        dq 0x00009A000000FFFF           ; CODE_16
        dq 0x000092000000FFFF           ; DATA_16
gdt_pointer:
        dw gdt_pointer - gdt - 1
        dd gdt
real_idt:
        dw 0x3FF
        dd 0
leaving db 0

        section .bss
        alignb 4
regs:                                   ; struct bios_regs of bios.h
.eax    resd 1
.ebx    resd 1
.ecx    resd 1
.edx    resd 1
.esi    resd 1
.edi    resd 1
.ebp    resd 1
.ds     resw 1
.es     resw 1
.flags  resd 1
REGS_DWORDS equ ($ - regs) / 4
saved_esp resd 1
out_pointer resd 1
target  resd 1

        section .note.GNU-stack noalloc noexec nowrite progbits
