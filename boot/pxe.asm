; SPDX-License-Identifier: MIT
; The front of mkbootdisk.0, which a machine's PXE ROM loads over the network: finds the way into PXE, makes it INT 64h,
; so that the loader can call it like a BIOS, and starts the loader, which lies behind it. Owns the sector at 0000:7C00
; until the hand-off; knows nothing of DHCP, TFTP or disks.

%include "layout.inc"

INT_PXE         equ     0x64            ; one of the vectors that are free for programs; the same as in bios_net.c
PXENV_ENTRY     equ     0x0A            ; far, wants BX and ES:DI
PXE_LENGTH      equ     0x04
PXE_ENTRY       equ     0x10            ; far, wants its arguments on the stack
SECTOR_BYTES    equ     512
LOADER_SEGMENT  equ     (BOOT_SECTOR + SECTOR_BYTES) >> 4

        cpu     386                     ; there is no PXE on anything older
        bits    16
        org     BOOT_SECTOR

; In:   from the ROM: ES:BX = PXENV+, [SS:SP+4] = far pointer to !PXE (PXE 2.1, 4.4.5); CS:IP = 0000:7C00 or 07C0:0000
; Out:  does not return: LOAD_SEGMENT:0000 with DL = SI = 0, SS:SP = 0000:STACK_TOP
start:
        jmp     0x0000:.here
.here:  cld
        xor     ax, ax
        mov     ds, ax
        mov     bp, sp
        cmp     dword [es:bx], 'PXEN'
        jne     .newer
        mov     ecx, [es:bx + PXENV_ENTRY]
        mov     [entry], ecx
.newer: les     bx, [bp + 4]
        call    is_pxe
        jne     .found
        mov     ecx, [es:bx + PXE_ENTRY]
        mov     [entry], ecx
.found: cmp     dword [entry], 0
        je      no_pxe

        mov     word [INT_PXE * 4], forward
        mov     [INT_PXE * 4 + 2], ds
        mov     ss, ax                  ; lets no interrupt in before the next instruction
        mov     sp, STACK_TOP
        mov     cx, LOADER_SEGMENT
        mov     ds, cx
        mov     cx, LOAD_SEGMENT
        mov     es, cx
        xor     si, si
        xor     di, di
        mov     cx, (loader.end - loader + 1) / 2
        rep     movsw
        xor     si, si
        xor     dx, dx
        jmp     LOAD_SEGMENT:0

; Is this the structure of PXE 2.1? The bytes of it add up to nothing.
; In:   ES:BX
; Out:  ZF = 1 yes
; Clobbers: CX, DX, DI
is_pxe:
        cmp     dword [es:bx], '!PXE'
        jne     .done
        mov     di, bx
        movzx   cx, byte [es:bx + PXE_LENGTH]
        mov     dl, 0
.next:  add     dl, [es:di]
        inc     di
        loop    .next
        test    dl, dl
.done:  ret

; INT 64h: one PXE call, by both of its conventions.
; In:   BX = function, ES:DI = its parameters
; Out:  AX = 0 good, 1 not; the first word of the parameters says why
; Clobbers: what the ROM does
forward:
        sti
        push    es
        push    di
        push    bx
        call    far [cs:entry]
        add     sp, 6
        iret

no_pxe: mov     si, text
.next:  lodsb
        test    al, al
        jz      .key
        ; INT 10h AH=0Eh  Call with: AL = character, BX = page and colour.
        mov     ah, 0x0E
        mov     bx, 7
        int     0x10
        jmp     .next
        ; INT 16h AH=00h  Call with: nothing. Returns: AX = key. INT 18h: the BIOS tries what it would start next.
.key:   mov     ah, 0
        int     0x16
        int     0x18

entry   dd      0
text    db      13, 10, 'mkbootdisk.0 wants to be started by a PXE ROM. Press a key.', 0

        times SECTOR_BYTES - ($ - $$) db 0
loader: incbin  "STAGE2.BIN"
.end:
        align 2, db 0

%if loader.end - loader > 0xFFFF
        %error the loader does not fit into one segment
%endif
