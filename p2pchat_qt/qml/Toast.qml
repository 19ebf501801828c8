import QtQuick
import "controls"

// A sentence below the head, for as long as it takes to read it: at the bottom it would lie on what
// was said last, on what is being written, and on the buttons of dialogs.
Rectangle {
    id: toast
    property string words
    property bool isError: false
    z: 1000
    visible: opacity > 0
    opacity: 0
    radius: 12
    color: Theme.c.notice
    width: Math.min(parent ? parent.width - 32 : 400, label.implicitWidth + 32, 560)
    height: label.height + 24
    x: parent ? (parent.width - width) / 2 : 0
    y: Theme.px(56) + 10
    Accessible.role: Accessible.AlertMessage
    Accessible.name: words

    function show(sentence, isError) {
        words = sentence
        toast.isError = isError
        opacity = 1
        gone.interval = 2500 + sentence.length * (isError ? 90 : 50)
        gone.restart()
    }
    Paragraph {
        id: label
        x: 16
        y: 12
        width: toast.width - 32
        text: toast.words
        color: Theme.c.onNotice
        maximumLineCount: 6
    }
    Timer { id: gone; onTriggered: toast.opacity = 0 }
    TapHandler { onTapped: toast.opacity = 0 }
    Behavior on opacity { NumberAnimation { duration: 120 } }
}
