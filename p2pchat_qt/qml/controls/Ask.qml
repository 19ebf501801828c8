import QtQuick
import QtQuick.Layouts

// Whether something is really meant, with what it does.
Box {
    id: ask
    property string words
    property string yes
    property bool isDanger: true
    property var act: null
    function about(title, words, yes, act, isDanger = true) {
        ask.title = title
        ask.words = words
        ask.yes = yes
        ask.act = act
        ask.isDanger = isDanger
        ask.open()
    }
    Paragraph { text: ask.words; Layout.fillWidth: true }
    buttons: [
        PushButton {
            objectName: "askYes"
            text: ask.yes
            primary: true
            danger: ask.isDanger
            onClicked: { const act = ask.act; ask.close(); if (act) act() }
        },
        PushButton { text: qsTr("Cancel"); onClicked: ask.close() }
    ]
}
