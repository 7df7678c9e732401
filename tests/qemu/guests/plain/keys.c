/* SPDX-License-Identifier: Apache-2.0 */
/* Sleeps until the UART announces a key, says which, and ends with 'q'. */
#include "common/print.h"
#include "plain/gic.h"
#include "plain/guest.h"
#include "plain/uart.h"

#define UART_IMSC (UART_BASE + 0x38)
#define UART_ICR  (UART_BASE + 0x44)
#define INT_INPUT 0x50u /* receive, receive timeout */

static volatile bool quit;

void guest_interrupt(struct exception *e)
{
    uint32_t acknowledged = gic_acknowledge();
    int key;

    (void)e;
    mmio_write32(UART_ICR, INT_INPUT); /* before the last look, or a key could be missed */
    while ((key = uart_getc()) >= 0) {
        print("key 0x%02x\n", (unsigned int)key);
        quit = quit || key == 'q';
    }
    gic_end(acknowledged);
}

void guest_main(uint64_t dtb)
{
    (void)dtb;
    gic_init();
    gic_enable(UART_INTID);
    mmio_write32(UART_IMSC, INT_INPUT);
    print("ready\n");
    while (!quit) {
        wfi();
        interrupts_on();
        isb();
        interrupts_off();
    }
}
