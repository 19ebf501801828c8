import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts
import "controls"

// Where one writes: Enter sends, Shift+Enter begins a new line; what is begun is kept.
Rectangle {
    id: composer
    readonly property var about: chatView.now.editing.id ? chatView.now.editing : chatView.now.replyTo
    readonly property bool isEditing: !!chatView.now.editing.id
    readonly property string toWhom: chatView.now.state_ === "accepted" ? chatView.now.account : ""
    property bool isFilling: false
    signal editLast()
    implicitHeight: column.implicitHeight
    color: Theme.c.window

    function focusText() { input.forceActiveFocus() }
    function fill(words) {
        if (input.text === words)
            return
        isFilling = true
        input.text = words
        input.cursorPosition = input.length
        isFilling = false
    }
    function send() { chatView.send(input.text) }
    Connections {
        target: chatView
        function onFilled(words) { composer.fill(words) }
    }

    ColumnLayout {
        id: column
        width: parent.width
        spacing: 0
        Rectangle { Layout.fillWidth: true; implicitHeight: 1; color: Theme.c.line }
        RowLayout {
            objectName: "replyStrip"
            visible: !!composer.about.id
            Layout.fillWidth: true
            Layout.leftMargin: 16
            Layout.rightMargin: 8
            Layout.topMargin: 6
            spacing: 10
            IconButton { enabled: false; sign: composer.isEditing ? "edit" : "reply"; icon.color: Theme.c.accent; size: Theme.px(28); Accessible.ignored: true }
            ColumnLayout {
                Layout.fillWidth: true
                spacing: 1
                Words {
                    text: composer.isEditing ? qsTr("Edit message") : qsTr("Reply to %1").arg(composer.about.name || "")
                    color: Theme.c.accent
                    font.pixelSize: Theme.small
                    font.weight: Font.DemiBold
                    Layout.fillWidth: true
                }
                Words { text: composer.about.preview || ""; color: Theme.c.faint; maximumLineCount: 1; Layout.fillWidth: true }
            }
            IconButton {
                sign: "close"
                text: qsTr("Cancel")
                onClicked: chatView.write_anew()
            }
        }
        RowLayout {
            Layout.fillWidth: true
            Layout.leftMargin: 8
            Layout.rightMargin: 8
            Layout.topMargin: 7
            Layout.bottomMargin: 7
            spacing: 4
            IconButton {
                objectName: "emoji"
                sign: "smile"
                text: qsTr("Emoji")
                Layout.alignment: Qt.AlignBottom
                onClicked: emoji.open()
                EmojiPicker { id: emoji; objectName: "emojiOfMessage"; y: -height - 8; onPicked: sign => { input.insert(input.cursorPosition, sign); input.forceActiveFocus() } }
            }
            ScrollView {
                Layout.fillWidth: true
                Layout.maximumHeight: Theme.px(150)
                Layout.preferredHeight: Math.min(input.implicitHeight, Theme.px(150))
                ScrollBar.horizontal.policy: ScrollBar.AlwaysOff
                TextArea {
                    id: input
                    objectName: "input"
                    color: Theme.c.text
                    selectionColor: Theme.c.selected
                    selectedTextColor: Theme.c.onSelected
                    font.pixelSize: Theme.px(14.5)
                    textFormat: TextEdit.PlainText
                    wrapMode: TextEdit.Wrap
                    leftPadding: 12
                    rightPadding: 12
                    topPadding: Theme.px(9)
                    bottomPadding: Theme.px(9)
                    selectByMouse: true
                    KeyNavigation.priority: KeyNavigation.BeforeItem
                    KeyNavigation.tab: send
                    Accessible.name: nothing.text
                    background: Rectangle { radius: 12; color: Theme.c.raised; border.width: input.activeFocus ? 1 : 0; border.color: Theme.c.accent }
                    onTextChanged: {
                        if (!composer.isFilling) chatView.typed(text)
                        writersView.typed(composer.toWhom, !composer.isFilling && !composer.isEditing && text !== "")
                    }
                    Words {
                        id: nothing
                        visible: input.length === 0 && input.preeditText === ""
                        text: qsTr("Message…")
                        color: Theme.c.faint
                        font: input.font
                        x: input.leftPadding
                        anchors.verticalCenter: parent.verticalCenter
                        Accessible.ignored: true
                    }
                    Keys.onPressed: event => {
                        const enter = event.key === Qt.Key_Return || event.key === Qt.Key_Enter
                        if (enter && !(event.modifiers & Qt.ShiftModifier)) {
                            composer.send()
                            event.accepted = true
                        } else if (event.key === Qt.Key_Escape && composer.about.id) {
                            chatView.write_anew()
                            event.accepted = true
                        } else if (event.key === Qt.Key_Up && input.length === 0) {
                            composer.editLast()
                            event.accepted = true
                        }
                    }
                }
            }
            IconButton {
                id: send
                objectName: "send"
                sign: composer.isEditing ? "check" : "send"
                text: composer.isEditing ? qsTr("Save") : qsTr("Send")
                tint: Theme.c.accent
                enabled: input.text.trim() !== ""
                Layout.alignment: Qt.AlignBottom
                onClicked: composer.send()
            }
        }
    }
}
