; SPDX-License-Identifier: MIT
; stage2/unpack.asm as a function for a 32-bit host program, so that it can be tested without a machine.
; Owns the call convention between the two; knows nothing of the packed format.

        global  unpack_host
        section .text

%include "unpack.asm"

; uint8_t *unpack_host(const uint8_t *packed, uint8_t *destination, uint32_t registers[2]); returns the end.
; registers: ESP before and after unpack.
; In: cdecl. Out: EAX. Clobbers: what cdecl allows
unpack_host:
        pushad
        mov     esi, [esp + 36]
        mov     edi, [esp + 40]
        mov     eax, [esp + 44]
        mov     [eax], esp
        std                             ; unpack has to clear it itself
        call    unpack
        mov     eax, [esp + 44]
        mov     [eax + 4], esp
        mov     [esp + 28], edi         ; POPAD's EAX
        popad
        ret
