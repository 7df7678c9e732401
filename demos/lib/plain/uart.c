/* SPDX-License-Identifier: Apache-2.0 */
#include "plain/uart.h"

#include "common/print.h"
#include "plain/guest.h"

#define UART_DR (UART_BASE + 0x00)
#define UART_FR (UART_BASE + 0x18)
#define UART_CR (UART_BASE + 0x30)

#define FR_RXFE BIT64(4)
#define FR_TXFF BIT64(5)
#define CR_RUN  0x301u /* UARTEN, TXE, RXE */

void uart_init(void) { mmio_write32(UART_CR, CR_RUN); }

int uart_getc(void)
{
    if ((mmio_read32(UART_FR) & FR_RXFE) != 0)
        return -1;
    return (int)(mmio_read32(UART_DR) & 0xff);
}

void console_write(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        while ((mmio_read32(UART_FR) & FR_TXFF) != 0)
            ;
        mmio_write32(UART_DR, (uint8_t)text[i]);
    }
}
