"""English.  One or two short sentences a code: what happened, and the one thing to do."""

NEXT_TRY = "Next try at"

WORDS = {
    # what a slot says while it waits
    "slot-empty": "Insert a board.",
    "slot-remove": "Take the board out.",
    # the board
    "board-silent": "The board does not answer. Check that it has power and sits right, then try it once more.",
    "board-floods": "The board never stops sending. Put it aside for repair.",
    "board-unreadable": "The board answers, but not as this product should. Check that it is the right product.",
    "board-refused": "The board refused a command. Put it aside for repair.",
    "board-restarts": "The board restarts by itself. Check its power supply, then try it once more.",
    "board-does-not-restart": "The board did not restart when told to. Put it aside for repair.",
    "board-commit-failed": "The board could not save its settings. Put it aside for repair.",
    "board-pulled": "The board was taken out too early. Insert it again and wait for the verdict.",
    "board-swapped": "Another board is in the slot than before. Take it out and start again with one board.",
    "readback-differs": "The board did not keep its settings. Put it aside for repair.",
    # the serial number
    "serial-malformed": "The serial number is not one of this product. Check that it is the right product.",
    "serial-taken": "This serial number belongs to another board. Put it aside for the supervisor.",
    "serial-unlisted": "This serial number was not announced. Put it aside for the supervisor.",
    "serial-in-two-slots": "The same serial number is in another slot. Put both boards aside for the supervisor.",
    "serial-on-other-hardware": "Another board had this serial number before. Put it aside for the supervisor.",
    "hardware-has-other-serial": "This board had another serial number before. Put it aside for the supervisor.",
    "already-passed": "This board has passed before. Put it with the good boards.",
    # the port
    "port-missing": "Insert a board, or plug in the adapter.",
    "port-busy": "Another program uses this slot's port. Call the supervisor.",
    "port-denied": "The station may not use this slot's port. Call the supervisor.",
    "port-unusable": "This slot's port can't be set up. Call the supervisor.",
    "port-lost": "This slot's adapter was unplugged. Plug it in again and try the board once more.",
    "port-stuck": "This slot's port takes no data. Unplug its adapter, plug it in again, try the board once more.",
    # the fleet
    "fleet-unreachable": "The fleet can't be reached. Wait: the station tries again by itself.",
    "fleet-unanswered": "The fleet does not answer. Wait: the station tries again by itself.",
    "fleet-busy": "The fleet is busy. Wait: the station tries again by itself.",
    "fleet-garbled": "Something else answers in place of the fleet. Call the supervisor; the station keeps trying.",
    "fleet-refused": "The fleet refused this board. Put it aside for the supervisor.",
    "fleet-bad-request": "The fleet did not understand the station. Put the board aside and call the supervisor.",
    "fleet-not-allowed": "The fleet refuses this station. Call the supervisor: check token, vendor, owner.",
    "fleet-not-found": "The fleet does not know this product. Call the supervisor: check vendor and model.",
    "fleet-conflict": "The fleet holds this serial number in another state. Put the board aside for the supervisor.",
    "fleet-name-unsafe": "The fleet can't take this serial number. Put the board aside for the supervisor.",
    "fleet-token-unusable": "The station's fleet token is unusable. Call the supervisor.",
    "fleet-url-unusable": "The fleet's address in the settings is unusable. Call the supervisor.",
    "fleet-disagrees": "The fleet's record of this board is wrong. Put it aside for the supervisor.",
    "serial-vanished": "The fleet lost this serial number meanwhile. Put the board aside for the supervisor.",
    "serial-orphaned": "The fleet's entry of this serial number is broken. Put the board aside for the supervisor.",
    "serial-locked": "The fleet has locked this serial number. Put the board aside for the supervisor.",
    # the station
    "value-unwritable": "A setting of the recipe does not fit this board. Call the supervisor.",
    "settings-invalid": "The station's settings are wrong. Call the supervisor.",
    "recipe-invalid": "The recipe is wrong. Call the supervisor.",
    "state-busy": "Another station program is running. Call the supervisor.",
    "database-failed": "RECORDS CAN'T BE WRITTEN. Stop working and call the supervisor: is the disk full?",
    "database-corrupt": "THE RECORDS ARE DAMAGED. Stop working and call the supervisor.",
    "database-newer": "The records were made by a newer version of this program. Call the supervisor.",
    "escrow-failed": "The station could not keep a key safe. Call the supervisor: is the disk full?",
    "key-lost": "The station has lost this board's key. Put the board aside and try it again later.",
    "cancelled": "The station is stopping.",
    "internal": "Something unforeseen happened in the station. Put the board aside and call the supervisor.",
}
